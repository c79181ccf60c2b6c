import { describe, expect, it } from 'vitest';
import { keys } from '#shared/aws/table/keys.ts';
import { answerPurge } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { RestoreBackup } from '#shared/model/backup.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { attachVolume } from '#functions/volumes/attach-volume.ts';
import { undeleteVolume } from '#functions/volumes/undelete-volume.ts';
import { sweep } from '#functions/sweep/sweep.ts';
import { judge } from '#test/unit/workers/support/judge.ts';
import {
  call,
  existing,
  hostA,
  hostB,
  undoWindowHours,
  type World,
} from '#test/unit/workers/support/world.ts';
import { backedUp, look, pathOf, seen, untilAsked, worldWith } from './support/recovery-world.ts';

async function begin(world: World, backup: BackupItem, body: object = {}): Promise<OperationItem> {
  const request = RestoreBackup.parse({ name: 'shared', inPlace: true, ...body });
  const { body: answer } = await restoreBackup(world.backupsApi, call(), { backup: backup.id, ...request });
  return world.operation(answer.id);
}

async function restoredInPlace(world: World, backup: BackupItem): Promise<OperationItem> {
  const { id } = await begin(world, backup);
  await look(world, await untilAsked(world, id));
  return world.run(id);
}

/** The host has it and uses it, or does not. */
async function use(world: World, inUse: boolean, hostId = hostA): Promise<void> {
  const { attachments } = await world.volume('shared');
  if (!attachments.some((item) => item.hostId === hostId))
    await attachVolume(world.api, call(), { name: 'shared', host: hostId, forceDetach: false });
  const record = await world.volume('shared');
  const was = existing(
    record.attachments.find((item) => item.hostId === hostId),
    `attachment of ${hostId}`,
  );
  const next = { ...was, inUse };
  await world.table.transact([replace('attachment', was, next), replace('attachmentTwin', was, next)]);
}

const keptOf = (world: World, { kept = '' }: OperationItem) => world.byId(kept);

describe('a restore in place of a network volume', () => {
  it('exchanges its access point, and leaves the old directory to a deleted volume', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    await use(world, false);
    const before = (await world.volume('shared')).volume;
    const operation = await restoredInPlace(world, backup);
    expect(operation).toMatchObject({ status: 'succeeded', kind: 'restore' });
    const { volume, attachments } = await world.volume('shared');
    expect(volume).toMatchObject({ id: before.id, state: 'available', hosts: [] });
    expect(volume.operation ?? volume.incoming).toBeUndefined();
    expect(attachments).toEqual([]);
    expect(pathOf(volume.storage)).toMatch(/^\/aws-backup-restore_/);
    const kept = await keptOf(world, operation);
    expect(kept.volume).toMatchObject({ state: 'deleted', name: 'shared', storage: before.storage });
    expect(kept.used).toBeDefined();
    expect(await judge(world)).toEqual([]);
  });

  it('can be undone: the deleted volume comes back under another name', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const before = (await world.volume('shared')).volume;
    const operation = await restoredInPlace(world, backup);
    await undeleteVolume(world.api, call(), { name: 'shared', as: 'before' });
    const { volume } = await world.volume('before');
    expect(volume).toMatchObject({ id: operation.kept, state: 'available', storage: before.storage });
  });

  it('has the old directory emptied by a host once the undo window has ended', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const before = (await world.volume('shared')).volume;
    const operation = await restoredInPlace(world, backup);
    world.pass(undoWindowHours * 3_600 + 60);
    const [purge = ''] = await world.purge();
    await seen(world, hostA);
    for (let turn = 0; turn < 3; turn++) await world.step(purge);
    const asked = existing((await keptOf(world, operation)).purge, 'purge ticket');
    const point = world.points.wanted.find(
      ({ posixUser, path }) => posixUser !== undefined && path === pathOf(before.storage),
    );
    expect(point).toBeDefined();
    await world.table.transact(answerPurge(asked));
    expect((await world.run(purge)).status).toBe('succeeded');
    expect(await world.table.readVolume(operation.kept ?? '')).toBeUndefined();
    expect((await world.volume('shared')).volume.state).toBe('available');
    expect(world.points.wanted.map(({ path }) => path)).toEqual([
      pathOf((await world.volume('shared')).volume.storage),
    ]);
  });

  it('is no leftover with its old access point', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const before = (await world.volume('shared')).volume;
    await restoredInPlace(world, backup);
    const id = before.storage?.kind === 'efs' ? before.storage.accessPointId : '';
    const tags = { 'hivemind:volume-id': before.id };
    const inventory = {
      snapshots: () => Promise.resolve([]),
      accessPoints: () => Promise.resolve([{ id, tags, createdAt: undefined }]),
    };
    const clock = (): Date => new Date('2026-11-24T00:00:30Z');
    expect((await sweep(world.sweepPorts({ inventory, clock }))).leftovers).toEqual([]);
  });
});

describe('a network volume in use', () => {
  it('is refused with every host that uses it', async () => {
    const world = await worldWith(['shared']);
    await world.addHost(hostB);
    const backup = await backedUp(world);
    await use(world, true);
    await use(world, true, hostB);
    await expect(begin(world, backup)).rejects.toMatchObject({
      code: 'VolumeBusy',
      details: { about: { hosts: `${hostA},${hostB}` } },
    });
  });

  it('restore-in-use-shared: is waited for with force', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    await use(world, true);
    const { id } = await begin(world, backup, { force: true });
    for (let turn = 0; turn < 5; turn++) expect((await world.step(id)).outcome).toBe('wait');
    expect(world.recovery.begun.restores).toBe(0);
    expect((await world.volume('shared')).attachments).toMatchObject([{ desired: 'detached' }]);
    await use(world, false);
    await look(world, await untilAsked(world, id));
    expect((await world.run(id)).status).toBe('succeeded');
  });

  it('that is not handed back in time stays as it was', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    await use(world, true);
    const { id } = await begin(world, backup, { force: true });
    world.pass(11 * 60);
    expect(await world.run(id)).toMatchObject({ status: 'failed', error: { code: 'VolumeBusy' } });
    const { volume, attachments } = await world.volume('shared');
    expect(volume.state).toBe('available');
    expect(attachments).toMatchObject([{ desired: 'attached', inUse: true }]);
  });

  it('that was taken from a host by force is refused: its containers may write on', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    await use(world, true);
    await world.detach('shared', true);
    await expect(begin(world, backup)).rejects.toMatchObject({ code: 'IllegalState' });
  });
});

describe('a restore in place that fails', () => {
  it('leaves the files that AWS has restored already to a deleted volume, which is emptied', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const before = (await world.volume('shared')).volume;
    const { id } = await begin(world, backup);
    await look(world, await untilAsked(world, id));
    // EFS loses every access point that is made of them.
    while ((await world.step(id)).outcome !== 'failed') {
      const made = (await world.volume('shared')).volume.incoming?.storage;
      if (made?.kind === 'efs') await world.points.delete(made.accessPointId);
      world.pass(11 * 60);
    }
    const operation = await world.operation(id);
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'StorageFailed' } });
    expect((await world.volume('shared')).volume).toMatchObject({ storage: before.storage });
    const { volume } = await keptOf(world, operation);
    expect(volume.state).toBe('deleted');
    expect(volume.madeFrom?.recoveryPoint?.directory).toMatch(/^\/aws-backup-restore_/);
  });

  it('leaves the volume as it was', async () => {
    const world = await worldWith(['shared'], {});
    const backup = await backedUp(world);
    const before = (await world.volume('shared')).volume;
    const { id } = await begin(world, backup);
    const task = await untilAsked(world, id);
    world.recovery.directories.clear();
    for (let turn = 0; turn < 5; turn++) {
      const open = await world.table.read('task', keys.task(id));
      if (open !== undefined && open.result === undefined) await look(world, open);
      await seen(world, hostA);
      world.pass(30);
      await world.step(id);
    }
    expect(task.kind).toBe('locate');
    expect(await world.run(id)).toMatchObject({ status: 'failed' });
    const { volume } = await world.volume('shared');
    expect(volume).toMatchObject({ state: 'available', storage: before.storage });
    expect(volume.incoming).toBeUndefined();
  });
});
