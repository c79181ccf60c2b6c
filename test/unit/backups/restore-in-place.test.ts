import { describe, expect, it } from 'vitest';
import { RestoreBackup, snapshotOfStorage } from '#shared/model/backup.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import type { StorageRef } from '#shared/model/volume.ts';
import { forgetBackup } from '#shared/aws/table/backup-writes.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { sweep } from '#functions/sweep/sweep.ts';
import { judge } from '#test/unit/workers/support/judge.ts';
import { call, existing, hostA, hostB, World, type WorldOptions } from '#test/unit/workers/support/world.ts';

interface Stage {
  readonly world: World;
  readonly backup: BackupItem;
}

/** A world whose volume `data` is attached to host A, formatted and idle, with one backup of it. */
async function stage(options: WorldOptions = {}): Promise<Stage> {
  const world = new World(options);
  await world.addHost(hostA);
  await world.addHost(hostB);
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  await world.format('data');
  const operation = await world.run(await world.backUp('data'));
  return { world, backup: await backupCalled(world, operation.backup) };
}

async function backupCalled(world: World, id = ''): Promise<BackupItem> {
  return existing(await world.table.readBackup(id), id);
}

async function begin({ world, backup }: Stage, body: object = {}): Promise<OperationItem> {
  const request = { backup: backup.id, name: 'data', inPlace: true, ...body };
  const { backup: id, ...parts } = request;
  const { body: answer } = await restoreBackup(world.backupsApi, call(), {
    backup: id,
    ...RestoreBackup.parse(parts),
  });
  return world.operation(answer.id);
}

const ebsOf = (storage: StorageRef | undefined): string => (storage?.kind === 'ebs' ? storage.volumeId : '');

async function until(world: World, operation: OperationItem, mark: string): Promise<void> {
  while (!(await world.operation(operation.id)).trail.includes(mark))
    world.pass((await world.step(operation.id)).waitSeconds);
}

describe('a restore in place', () => {
  it('gives the volume storage from the backup, and keeps what it held as a backup', async () => {
    const staged = await stage();
    const { world, backup } = staged;
    const before = await world.volume('data');
    const operation = await begin(staged);
    expect(operation.guard).toMatch(/^bak-/);
    expect(await world.run(operation.id)).toMatchObject({ status: 'succeeded', progress: 100 });
    const { volume, lease, attachments } = await world.volume('data');
    expect(volume).toMatchObject({ id: before.volume.id, state: 'available', hosts: [] });
    expect(volume).toMatchObject({ madeFrom: { backupId: backup.id } });
    expect(volume.operation ?? volume.incoming ?? volume.outgoing ?? volume.finalSnapshot).toBeUndefined();
    expect(attachments).toEqual([]);
    expect(lease?.filesystem).toEqual({ ...backup.source.format, mounted: true });
    world.pass(2);
    const [made, ...others] = world.storage.truth.volumes.values();
    expect(others).toEqual([]);
    expect(made).toMatchObject({
      id: ebsOf(volume.storage),
      snapshotId: snapshotOfStorage(backup.storage),
      availabilityZone: 'us-east-1a',
    });
    expect(ebsOf(volume.storage)).not.toBe(ebsOf(before.volume.storage));
    expect(await judge(world)).toEqual([]);
  });

  it('restore-guarded: its guard is an ordinary backup of what was replaced, and restores', async () => {
    const staged = await stage();
    const { world } = staged;
    const before = await world.volume('data');
    const { id } = await begin(staged);
    const operation = await world.run(id);
    const guard = await backupCalled(world, operation.guard);
    expect(guard).toMatchObject({ state: 'available', origin: 'guard', volume: 'data', users: [] });
    expect(guard.source.format).toEqual(before.lease?.filesystem);
    const snapshot = existing(
      world.storage.truth.snapshots.get(snapshotOfStorage(guard.storage) ?? ''),
      'snapshot',
    );
    expect(snapshot.volumeId).toBe(ebsOf(before.volume.storage));
    expect(snapshot.tags).toMatchObject({ 'hivemind:backup': guard.id });
    const back = await begin({ world, backup: guard });
    expect((await world.run(back.id)).status).toBe('succeeded');
    const removal = await deleteBackup(world.backupsApi, call(), { backup: guard.id });
    expect((await world.run(removal.body.id)).status).toBe('succeeded');
  });

  it('takes the old storage away only when it is exchanged, and the host has let go before', async () => {
    const staged = await stage();
    const { world } = staged;
    const { volume } = await world.volume('data');
    const operation = await begin(staged);
    await until(world, operation, 'keepGuard');
    const old = existing(world.storage.truth.volumes.get(ebsOf(volume.storage)), 'old volume');
    expect(old.attachments).toEqual([]);
    await until(world, operation, 'exchange');
    const exchanged = await world.volume('data');
    expect(exchanged.volume).toMatchObject({ state: 'restoring', outgoing: volume.storage });
    expect(world.storage.truth.volumes.get(ebsOf(volume.storage))).toBeDefined();
    await world.run(operation.id);
    world.pass(2);
    expect(world.storage.truth.volumes.get(ebsOf(volume.storage))).toBeUndefined();
  });

  it('raises the epoch past the old holder', async () => {
    const staged = await stage();
    const { world } = staged;
    const before = (await world.volume('data')).lease;
    await world.run((await begin(staged)).id);
    const after = (await world.volume('data')).lease;
    expect(after?.epoch).toBeGreaterThan(before?.epoch ?? 0);
    expect(after?.holder).toBeUndefined();
    expect((await world.run(await world.attach('data', hostB))).status).toBe('succeeded');
  });

  it('needs both backups until it has ended', async () => {
    const staged = await stage();
    const { world, backup } = staged;
    const operation = await begin(staged);
    await until(world, operation, 'exchange');
    for (const id of [backup.id, operation.guard ?? '']) {
      await expect(deleteBackup(world.backupsApi, call(), { backup: id })).rejects.toMatchObject({
        code: 'BackupInUse',
      });
    }
  });

  it('of a blank volume keeps nothing, for there is nothing', async () => {
    const { world, backup } = await stage();
    await world.run(await world.create('blank'));
    const operation = await begin({ world, backup }, { name: 'blank' });
    expect(operation.guard).toBeUndefined();
    expect((await world.run(operation.id)).status).toBe('succeeded');
    expect(world.storage.truth.snapshots.size).toBe(1);
    expect((await world.volume('blank')).lease?.filesystem.state).toBe('formatted');
    expect(await judge(world)).toEqual([]);
  });

  it('from a backup of a larger volume makes it larger, and never smaller', async () => {
    const { world, backup } = await stage();
    await world.run(await world.create('small', { size: '1G' }));
    await world.run((await begin({ world, backup }, { name: 'small' })).id);
    expect((await world.volume('small')).volume).toMatchObject({ sizeBytes: backup.source.sizeBytes });
    await world.run(await world.create('large', { size: '50G' }));
    await world.run((await begin({ world, backup }, { name: 'large' })).id);
    expect((await world.volume('large')).volume.storage).toMatchObject({ provisionedGiB: 50 });
  });

  it('makes the volume again where there is none of that name', async () => {
    const staged = await stage();
    const { world, backup } = staged;
    await world.run(await world.delete('data', { purge: true }));
    world.pass(60);
    const operation = await begin(staged);
    expect(operation).toMatchObject({ kind: 'create' });
    await world.run(operation.id);
    const { type, sizeBytes, labels, options, owner } = backup.source;
    expect((await world.volume('data')).volume).toMatchObject({ type, sizeBytes, labels, options, owner });
  });
});

describe('a volume in use', () => {
  it('restore-busy: is refused with who uses it', async () => {
    const staged = await stage();
    await staged.world.use('data', true);
    await expect(begin(staged)).rejects.toMatchObject({
      code: 'VolumeBusy',
      details: { about: { hosts: hostA } },
    });
    expect((await staged.world.volume('data')).volume.state).toBe('attached');
  });

  it('is waited for with force, and then detached first', async () => {
    const staged = await stage();
    const { world } = staged;
    await world.use('data', true);
    const operation = await begin(staged, { force: true });
    expect((await world.step(operation.id)).outcome).toBe('wait');
    expect((await world.volume('data')).attachments).toMatchObject([{ desired: 'detached' }]);
    expect(world.storage.calls.filter(({ action }) => action === 'detach')).toEqual([]);
    await world.use('data', false);
    expect((await world.run(operation.id)).status).toBe('succeeded');
    expect(await judge(world)).toEqual([]);
  });

  it('that is not handed back in time stays as it was', async () => {
    const staged = await stage();
    const { world, backup } = staged;
    await world.use('data', true);
    const before = await world.volume('data');
    const operation = await begin(staged, { force: true });
    world.pass(11 * 60);
    expect(await world.run(operation.id)).toMatchObject({
      status: 'failed',
      error: { code: 'VolumeBusy' },
    });
    const { volume, lease, backing } = await world.volume('data');
    expect(volume).toMatchObject({ state: 'attached', storage: before.volume.storage, hosts: [hostA] });
    expect(volume.incoming).toBeUndefined();
    expect(lease).toMatchObject({ inUse: true, holder: hostA });
    expect(backing).toBeUndefined();
    expect((await backupCalled(world, backup.id)).users).toEqual([]);
    expect(await world.table.readBackup(operation.guard ?? '')).toBeUndefined();
  });
});

describe('what is refused', () => {
  it('restore-not-during: another operation on the volume, and a second restore', async () => {
    const staged = await stage();
    const { world } = staged;
    const operation = await begin(staged);
    await expect(begin(staged)).rejects.toMatchObject({
      code: 'OperationInProgress',
      details: { about: { operation: operation.id } },
    });
    await expect(world.attach('data', hostB)).rejects.toMatchObject({ code: 'OperationInProgress' });
    await expect(world.delete('data')).rejects.toMatchObject({ code: 'OperationInProgress' });
    await expect(world.backUp('data')).rejects.toMatchObject({ code: 'OperationInProgress' });
    expect((await world.run(operation.id)).status).toBe('succeeded');
  });

  it('one of two at once', async () => {
    const staged = await stage();
    const both = await Promise.allSettled([begin(staged), begin(staged)]);
    const lost = both.filter(({ status }) => status === 'rejected');
    expect(lost).toMatchObject([{ reason: { code: 'OperationInProgress' } }]);
  });

  it('a volume that is being backed up', async () => {
    const staged = await stage();
    const operation = await staged.world.backUp('data');
    await expect(begin(staged)).rejects.toMatchObject({
      code: 'OperationInProgress',
      details: { about: { operation } },
    });
  });

  it('a name that is taken, unless it is asked for in place', async () => {
    const staged = await stage();
    await expect(begin(staged, { inPlace: false })).rejects.toMatchObject({ code: 'NameTaken' });
  });

  it.each([
    ['another filesystem', { filesystem: 'xfs' }, 'NotSupported'],
    [
      'another type of volume',
      { type: 'network', size: undefined, availabilityZone: undefined },
      'NotSupported',
    ],
  ] as const)('%s', async (_what, parts, code) => {
    const { world, backup } = await stage();
    await world.run(await world.create('other', parts));
    await expect(begin({ world, backup }, { name: 'other' })).rejects.toMatchObject({ code });
  });

  it('a volume that has no storage yet', async () => {
    const { world, backup } = await stage();
    await world.addHost('i-0000000000000000c', 'us-east-1b');
    await world.create('unplaced', { availabilityZone: undefined });
    await expect(begin({ world, backup }, { name: 'unplaced' })).rejects.toMatchObject({
      code: 'IllegalState',
    });
  });

  it('another zone', async () => {
    const staged = await stage();
    await expect(begin(staged, { availabilityZone: 'us-east-1b' })).rejects.toMatchObject({
      code: 'InvalidInput',
    });
  });

  it('a volume that has changed since it was read', async () => {
    const { world, backup } = await stage();
    const stale = restoreBackup(world.backupsApi, call({ ifMatch: '"1"' }), {
      backup: backup.id,
      name: 'data',
      inPlace: true,
    });
    await expect(stale).rejects.toMatchObject({ code: 'StaleRevision' });
  });
});

describe('what goes wrong', () => {
  it('a guard that EC2 cannot make leaves the volume as it was', async () => {
    let armed = false;
    const staged = await stage({
      fault: (action) => (armed && action === 'createSnapshot' ? 'error' : undefined),
    });
    armed = true;
    const { world } = staged;
    const before = await world.volume('data');
    const operation = await begin(staged);
    expect((await world.run(operation.id)).status).toBe('failed');
    const { volume } = await world.volume('data');
    expect(volume).toMatchObject({ state: 'available', storage: before.volume.storage });
    armed = false;
    expect((await world.run((await begin(staged)).id)).status).toBe('succeeded');
  });

  it('a volume that EC2 cannot make is tried again, and at last the old one stays', async () => {
    let armed = false;
    const staged = await stage({
      fault: (action) => (armed && action === 'createVolume' ? 'error' : undefined),
    });
    armed = true;
    const { world } = staged;
    const before = await world.volume('data');
    const operation = await world.run((await begin(staged)).id);
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'StorageFailed' } });
    const { volume } = await world.volume('data');
    expect(volume).toMatchObject({ state: 'available', storage: before.volume.storage });
    expect(await backupCalled(world, operation.guard)).toMatchObject({ state: 'available', users: [] });
    armed = false;
    expect((await world.run((await begin(staged)).id)).status).toBe('succeeded');
  });

  it('restore-keeps-old: what was replaced is left when nothing keeps it any more', async () => {
    const staged = await stage();
    const { world } = staged;
    const { volume } = await world.volume('data');
    const operation = await begin(staged);
    await until(world, operation, 'exchange');
    await world.table.transact(forgetBackup(await backupCalled(world, operation.guard)));
    const ended = await world.run(operation.id);
    expect(ended).toMatchObject({ status: 'succeeded' });
    expect(ended.message).toContain(ebsOf(volume.storage));
    world.pass(16 * 60);
    expect((await sweep(world.sweepPorts())).leaks).toEqual([ebsOf(volume.storage)]);
  });

  it('restore-no-leak: neither of its two EC2 volumes is a leak while it is under way', async () => {
    const staged = await stage();
    const { world } = staged;
    const operation = await begin(staged);
    for (const mark of ['createIncoming:2', 'exchange']) {
      await until(world, operation, mark);
      world.pass(16 * 60);
      const listed = { listVolumes: () => world.storage.listVolumes() };
      expect((await sweep(world.sweepPorts({ storage: listed }))).leaks).toEqual([]);
    }
    expect((await world.run(operation.id)).status).toBe('succeeded');
    world.pass(16 * 60);
    expect((await sweep(world.sweepPorts())).leaks).toEqual([]);
  });
});
