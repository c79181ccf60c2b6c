import { describe, expect, it } from 'vitest';
import { keys } from '#shared/aws/table/keys.ts';
import { answerPurge } from '#shared/aws/table/volume-writes.ts';
import { put } from '#shared/aws/table/writes.ts';
import { type RecoveryFault } from '#test/fakes/fake-recovery-points.ts';
import { existing, hostA, hostB, type World } from '#test/unit/workers/support/world.ts';
import {
  worldWith,
  pathOf,
  begin,
  backedUp,
  remove,
  seen,
  beginRestore,
  untilAsked,
  look,
  restored,
  arnOf,
} from './support/recovery-world.ts';

describe('a restore of a recovery point', () => {
  it('is a new access point rooted at the restored directory, which it does not make', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    expect((await restored(world, backup, 'copy')).status).toBe('succeeded');
    const { volume } = await world.volume('copy');
    const source = (await world.volume('shared')).volume;
    expect(volume).toMatchObject({ state: 'available', type: 'network', storage: { kind: 'efs' } });
    const path = pathOf(volume.storage);
    expect(path).toMatch(new RegExp(`^/aws-backup-restore_[^/]+/volumes/${source.id}$`));
    expect(world.recovery.directories.has(path)).toBe(true);
    const point = world.points.wanted.find((wanted) => wanted.path === path);
    expect(point?.owner).toBeUndefined();
    expect(world.points.wanted.some((wanted) => wanted.path === '/')).toBe(false);
    expect((await world.table.readHost(hostA))?.tasks).toEqual([]);
  });

  it('restored-directory: takes the one that this job made, and none in doubt', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    await restored(world, backup, 'first');
    world.pass(60);
    const operation = await beginRestore(world, backup, 'second');
    const found = await look(world, await untilAsked(world, operation));
    expect(found).toHaveLength(2);
    expect((await world.run(operation)).status).toBe('succeeded');
    const [first, second] = [await world.volume('first'), await world.volume('second')];
    expect(pathOf(second.volume.storage)).not.toBe(pathOf(first.volume.storage));

    world.pass(60);
    const doubtful = await beginRestore(world, backup, 'third');
    const task = await untilAsked(world, doubtful);
    const [real = ''] = (await look(world, task)).slice(-1);
    const answered = existing(await world.table.read('task', keys.task(doubtful)), 'task');
    const twin = real.replace(/\d\dZ$/, '99Z');
    await world.table.transact([
      put('task', { ...answered, result: { outcome: 'done', found: [real, twin] } }),
    ]);
    expect(await world.run(doubtful)).toMatchObject({ status: 'failed', error: { code: 'StorageFailed' } });
    expect(world.points.wanted.some((wanted) => wanted.path === '/')).toBe(false);
  });

  it('of the same volume waits for another one', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const first = await beginRestore(world, backup, 'first');
    await world.step(first);
    const second = await beginRestore(world, backup, 'second');
    await world.step(second);
    expect((await world.operation(second)).message).toContain('another restore');
    await look(world, await untilAsked(world, first));
    expect((await world.run(first)).status).toBe('succeeded');
    world.pass(5);
    await look(world, await untilAsked(world, second));
    expect((await world.run(second)).status).toBe('succeeded');
  });

  it('asks another host when the first does not answer', async () => {
    const world = await worldWith(['shared']);
    await world.addHost(hostB);
    const backup = await backedUp(world);
    const operation = await beginRestore(world, backup, 'copy');
    const asked = await untilAsked(world, operation);
    world.pass(600);
    await seen(world, hostB);
    await world.step(operation);
    const again = existing(await world.table.read('task', keys.task(operation)), 'task');
    expect([asked.hostId, again.hostId]).toEqual([hostA, hostB]);
    expect((await world.table.readHost(hostA))?.tasks).toEqual([]);
    await look(world, again);
    expect((await world.run(operation)).status).toBe('succeeded');
  });

  it.each(['lost-answer', 'throttle', 'crash-after', 'crash-before'] as const)(
    'is one job in spite of: %s',
    async (fault) => {
      let times = 1;
      const recoveryFault = (action: string): RecoveryFault | undefined =>
        action === 'startRestore' && times-- > 0 ? fault : undefined;
      const world = await worldWith(['shared'], { recoveryFault });
      const backup = await backedUp(world);
      const operation = await beginRestore(world, backup, 'copy');
      for (let turn = 0; turn < 3; turn++) await world.step(operation).catch(() => undefined);
      world.pass(60);
      await look(world, await untilAsked(world, operation));
      expect((await world.run(operation)).status).toBe('succeeded');
      expect(world.recovery.begun.restores).toBe(1);
    },
  );

  it('that AWS cannot do fails with its words, and holds nothing', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    world.recovery.points.get(arnOf(backup))?.holds.clear();
    const ended = await world.run(await beginRestore(world, backup, 'copy'));
    expect(ended).toMatchObject({
      status: 'failed',
      error: { detail: expect.stringContaining('/volumes/') },
    });
    const { id } = (await world.volume('shared')).volume;
    expect(await world.table.read('restoring', keys.restoring(id))).toBeUndefined();
    await world.delete('copy', { purge: true });
    expect((await remove(world, backup)).status).toBe('succeeded');
  });

  it('keeps its backup from being removed until it is done', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const operation = await beginRestore(world, backup, 'copy');
    await expect(remove(world, backup)).rejects.toMatchObject({ code: 'BackupInUse' });
    await look(world, await untilAsked(world, operation));
    await world.run(operation);
    expect((await remove(world, backup)).status).toBe('succeeded');
    expect(world.recovery.points.size).toBe(0);
  });

  it('may not be backed up again: it would lie too deep', async () => {
    const world = await worldWith(['shared']);
    await restored(world, await backedUp(world), 'copy');
    await expect(begin(world, 'copy')).rejects.toMatchObject({ code: 'NotSupported' });
  });
});

describe('a network volume whose storage is freed', () => {
  /** The host empties what it is asked to. */
  async function purge(world: World, name: string): Promise<{ id: string; emptied: string }> {
    const { volume } = await world.volume(name);
    await seen(world, hostA);
    await world.delete(name, { purge: true });
    const [operation = ''] = await world.purge();
    for (let turn = 0; turn < 3; turn++) await world.step(operation);
    const emptied = world.points.wanted.at(-1)?.path ?? '';
    const record = await world.byId(volume.id);
    await world.table.transact(answerPurge(existing(record.purge, 'purge')));
    expect((await world.run(operation)).status).toBe('succeeded');
    return { id: volume.id, emptied };
  }

  it('keeps its record for its backups, comes back from one, and is forgotten with the last', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const { id } = await purge(world, 'shared');
    expect((await world.byId(id)).volume.state).toBe('purged');
    expect((await restored(world, backup, 'shared')).status).toBe('succeeded');
    expect((await world.volume('shared')).volume.id).not.toBe(id);
    expect((await remove(world, backup)).status).toBe('succeeded');
    expect(await world.table.readVolume(id)).toBeUndefined();
  });

  it('and was restored has just its restored directory emptied', async () => {
    const world = await worldWith(['shared']);
    await restored(world, await backedUp(world), 'copy');
    const path = pathOf((await world.volume('copy')).volume.storage);
    const { id, emptied } = await purge(world, 'copy');
    expect(emptied).toBe(path);
    expect(await world.table.readVolume(id)).toBeUndefined();
  });
});
