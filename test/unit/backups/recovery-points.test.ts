import { describe, expect, it } from 'vitest';
import { CreateBackup } from '#shared/model/backup.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { failure, type RecoveryFault } from '#test/fakes/fake-recovery-points.ts';
import { call, existing, World } from '#test/unit/workers/support/world.ts';
import {
  network,
  worldWith,
  mountOnce,
  pathOf,
  begin,
  beginInRun,
  runAll,
  statuses,
  backupOf,
  backedUp,
  remove,
  arnOf,
} from './support/recovery-world.ts';

describe('a backup of a network volume', () => {
  it('is a recovery point of its file system, and no point in time', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const { volume } = await world.volume('shared');
    expect(backup).toMatchObject({
      kind: 'recovery-point',
      state: 'available',
      consistency: 'none',
      pointInTime: false,
      storage: {
        kind: 'recovery-point',
        fileSystemId: world.points.fileSystemId,
        path: pathOf(volume.storage),
      },
    });
    expect([...world.recovery.points.keys()]).toEqual([arnOf(backup)]);
    expect(world.recovery.points.get(arnOf(backup))?.tags).toMatchObject({
      'hivemind:product': 'hivemind-volumes',
    });
  });

  it('that was never mounted is refused: it has no directory yet', async () => {
    const world = new World();
    await world.run(await world.create('shared', network));
    await expect(begin(world, 'shared')).rejects.toMatchObject({ code: 'IllegalState' });
  });

  it('frozen is refused: many hosts may write', async () => {
    const world = await worldWith(['shared']);
    const request = { volume: 'shared', ...CreateBackup.parse({ consistency: 'freeze' }) };
    await expect(createBackup(world.api, call(), request)).rejects.toMatchObject({ code: 'NotSupported' });
  });

  it('waits for that of another run, as AWS takes one job at a time', async () => {
    const world = await worldWith(['one', 'two']);
    const ended = await runAll(world, [await begin(world, 'one'), await begin(world, 'two')]);
    expect(statuses(ended)).toEqual(['succeeded', 'succeeded']);
    expect(world.recovery.points.size).toBe(2);
  });

  it.each(['lost-answer', 'throttle', 'crash-after', 'crash-before'] as const)(
    'is made by one job in spite of: %s',
    async (fault) => {
      let times = 1;
      const recoveryFault = (action: string): RecoveryFault | undefined =>
        action === 'startBackup' && times-- > 0 ? fault : undefined;
      const world = await worldWith(['shared'], { recoveryFault });
      const { id } = await begin(world, 'shared');
      await world.run(id).catch(() => undefined);
      world.pass(60);
      expect((await world.run(id)).status).toBe('succeeded');
      expect(world.recovery.begun.backups).toBe(1);
    },
  );

  it('that AWS cannot make fails with its words, and the next is another job', async () => {
    let fails = true;
    const world = await worldWith(['shared'], {
      recoveryFault: (action) => (action === 'startBackup' && fails ? 'fail' : undefined),
    });
    const ended = await world.run((await begin(world, 'shared')).id);
    expect(ended).toMatchObject({ status: 'failed', error: { detail: expect.stringContaining(failure) } });
    const failed = await backupOf(world, ended);
    expect(failed).toMatchObject({ state: 'failed', reason: expect.stringContaining(failure) });
    expect((await remove(world, failed)).status).toBe('succeeded');
    fails = false;
    await backedUp(world);
  });

  it('that AWS refuses fails, and gives way to others', async () => {
    let refuses = true;
    const world = await worldWith(['one', 'two'], {
      recoveryFault: (action) => (action === 'startBackup' && refuses ? 'refuse' : undefined),
    });
    const ended = await world.run((await begin(world, 'one')).id);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'AccessDenied' } });
    refuses = false;
    await backedUp(world, 'two');
  });
});

describe('backups of one run', () => {
  async function ofOneRun(names = ['one', 'two', 'three']) {
    const world = await worldWith(names);
    const begun: OperationItem[] = [];
    for (const name of names) begun.push(await beginInRun(world, name, 'run-1'));
    const ended = await runAll(world, begun);
    expect(statuses(ended)).toEqual(names.map(() => 'succeeded'));
    const backups: BackupItem[] = [];
    for (const operation of ended) backups.push(await backupOf(world, operation));
    return { world, backups };
  }

  it('share one recovery point', async () => {
    const { world, backups } = await ofOneRun();
    expect(new Set(backups.map(arnOf)).size).toBe(1);
    expect(world.recovery.begun.backups).toBe(1);
  });

  it('point-shared: it is removed with the last of them, and not before', async () => {
    const { world, backups } = await ofOneRun();
    const [first, second, last] = backups;
    for (const backup of [first, second]) {
      expect((await remove(world, existing(backup, 'backup'))).status).toBe('succeeded');
      expect(world.recovery.points.size).toBe(1);
    }
    expect((await remove(world, existing(last, 'backup'))).status).toBe('succeeded');
    expect(world.recovery.points.size).toBe(0);
    expect(
      [...world.store.items.values()].filter(({ entity }) => String(entity).startsWith('shared')),
    ).toEqual([]);
  });

  it('is kept as it was when AWS does not remove it', async () => {
    const { world, backups } = await ofOneRun(['one']);
    const backup = existing(backups[0], 'backup');
    world.recovery.deleting = 3_600_000;
    expect(await remove(world, backup)).toMatchObject({ status: 'failed', error: { code: 'StorageFailed' } });
    expect(await world.table.readBackup(backup.id)).toMatchObject({ state: 'available' });
    world.recovery.deleting = 0;
    expect((await remove(world, backup)).status).toBe('succeeded');
    expect(world.recovery.points.size).toBe(0);
  });

  it('removed all at once leave nothing', async () => {
    const { world, backups } = await ofOneRun();
    const removals: OperationItem[] = [];
    for (const { id } of backups) {
      const { body } = await deleteBackup(world.api, call(), { backup: id });
      removals.push(await world.operation(body.id));
    }
    expect(statuses(await runAll(world, removals))).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(world.recovery.points.size).toBe(0);
  });

  it('and one that comes while the last is removed gets a recovery point of its own', async () => {
    const { world, backups } = await ofOneRun(['one']);
    const late = await worldJoin(world);
    const { body } = await deleteBackup(world.api, call(), { backup: existing(backups[0], 'backup').id });
    await world.step(body.id); // closes the point
    await world.step(late.id); // may not join it
    expect((await world.run(body.id)).status).toBe('succeeded');
    expect((await world.run(late.id)).status).toBe('succeeded');
    const arn = arnOf(await backupOf(world, late));
    expect([...world.recovery.points.keys()]).toEqual([arn]);
  });

  it('fail together when the job does', async () => {
    const world = await worldWith(['one', 'two'], {
      recoveryFault: (action) => (action === 'startBackup' ? 'fail' : undefined),
    });
    const begun = [await beginInRun(world, 'one', 'run-1'), await beginInRun(world, 'two', 'run-1')];
    const ended = await runAll(world, begun);
    expect(statuses(ended)).toEqual(['failed', 'failed']);
    for (const { error } of ended) expect(error?.detail).toContain(failure);
  });

  async function worldJoin(world: World): Promise<OperationItem> {
    await world.run(await world.create('late', network));
    await mountOnce(world, 'late');
    return beginInRun(world, 'late', 'run-1');
  }
});
