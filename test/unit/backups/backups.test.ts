import { describe, expect, it } from 'vitest';
import {
  CreateBackup,
  HoldBackup,
  RestoreBackup,
  snapshotOfStorage,
  type CreateBackup as Request,
} from '#shared/model/backup.ts';
import type { BackupItem, OperationItem, TaskItem } from '#shared/model/items.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { holdBackup } from '#functions/backups/hold-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { attached } from './support/attached.ts';
import { call, existing, hostA, hostB, undoWindowHours, World } from '#test/unit/workers/support/world.ts';

async function begin(world: World, parts: Partial<Request> = {}): Promise<OperationItem> {
  const request = { volume: 'data', ...CreateBackup.parse(parts) };
  const { body } = await createBackup(world.api, call(), request);
  return world.operation(body.id);
}

async function backedUp(world: World): Promise<BackupItem> {
  const operation = await begin(world);
  expect(await world.run(operation.id)).toMatchObject({ status: 'succeeded', progress: 100 });
  return backupOf(world, operation);
}

async function backupOf(world: World, { backup = '' }: OperationItem): Promise<BackupItem> {
  return existing(await world.table.readBackup(backup), backup);
}

async function taskOf(world: World, { id }: OperationItem): Promise<TaskItem> {
  return existing(await world.table.read('task', keys.task(id)), `task of ${id}`);
}

const restore = (world: World, backup: BackupItem, body: object = {}) =>
  restoreBackup(world.api, call(), { backup: backup.id, ...RestoreBackup.parse(body) });

describe('a backup of a volume that nobody uses', () => {
  it('is a snapshot with all that is needed to make the volume again', async () => {
    const world = await attached();
    const backup = await backedUp(world);
    const { volume, lease } = await world.volume('data');
    expect(backup).toMatchObject({
      kind: 'snapshot',
      state: 'available',
      origin: 'manual',
      volume: 'data',
      consistency: 'freeze',
      pointInTime: true,
      source: { type: 'local', driver: 'ebs', sizeBytes: volume.sizeBytes, format: lease?.filesystem },
    });
    expect(backup.operation).toBeUndefined();
    const snapshot = world.storage.truth.snapshots.get(snapshotOfStorage(backup.storage) ?? '');
    expect(snapshot?.tags).toMatchObject({
      'hivemind:backup': backup.id,
      'hivemind:product': 'hivemind-volumes',
    });
  });

  it('is one at a time, and the next may come after it', async () => {
    const world = await attached();
    const first = await begin(world);
    await expect(begin(world)).rejects.toMatchObject({
      code: 'OperationInProgress',
      details: { about: { operation: first.id } },
    });
    await world.run(first.id);
    await backedUp(world);
    expect(world.storage.truth.snapshots.size).toBe(2);
  });

  it('of the same Idempotency-Key is one', async () => {
    const world = await attached();
    const once = call({ idempotencyKey: 'k' });
    const request = { volume: 'data', ...CreateBackup.parse({}) };
    const first = await createBackup(world.api, once, request);
    const second = await createBackup(world.api, once, request);
    expect(second.body.id).toBe(first.body.id);
    await world.run(first.body.id);
    expect(world.storage.truth.snapshots.size).toBe(1);
  });

  it('that a lost answer made twice keeps one snapshot', async () => {
    let lost = true;
    const lag = { ms: 0 };
    const world = await attached({
      readLag: () => lag.ms,
      fault: (action) => {
        if (action !== 'createSnapshot' || !lost) return undefined;
        lost = false;
        return 'lost-answer';
      },
    });
    const operation = await begin(world);
    while (world.storage.truth.snapshots.size === 0) world.pass((await world.step(operation.id)).waitSeconds);
    lag.ms = 10_000;
    while (world.storage.truth.snapshots.size === 1) world.pass((await world.step(operation.id)).waitSeconds);
    lag.ms = 0;
    expect((await world.run(operation.id)).status).toBe('succeeded');
    const { storage } = await backupOf(world, operation);
    expect([...world.storage.truth.snapshots.keys()]).toEqual([snapshotOfStorage(storage)]);
  });
});

it('a snapshot that EC2 cannot finish fails the backup with its words, and is not made again and again', async () => {
  const world = await attached({ fault: (action) => (action === 'createSnapshot' ? 'error' : undefined) });
  const operation = await begin(world);
  expect(await world.run(operation.id)).toMatchObject({
    status: 'failed',
    error: { code: 'StorageFailed', detail: expect.stringContaining('It says: ') },
  });
  expect(await backupOf(world, operation)).toMatchObject({ state: 'failed' });
  expect(world.storage.truth.snapshots.size).toBe(0);
  expect(world.storage.calls.filter(({ action }) => action === 'createSnapshot')).toHaveLength(1);
});

describe('what cannot be backed up is refused with the reason', () => {
  it.each([
    [
      'an ephemeral volume',
      { name: 'x', type: 'ephemeral', size: '10M' },
      ['NotSupported', 'gone with its container'],
    ],
    ['a blank one', { name: 'x' }, ['IllegalState', 'blank']],
    ['an unplaced one', { name: 'x', availabilityZone: undefined }, ['IllegalState', 'no storage yet']],
  ])('%s', async (_what, body, [code = '', text = '']) => {
    const world = new World();
    await world.addHost(hostA, 'us-east-1a');
    await world.addHost('i-0000000000000000c', 'us-east-1b');
    const { size = '1G', ...rest } = body as { size?: string; type?: string };
    const zone = rest.type === undefined ? {} : { availabilityZone: undefined };
    const id = await world.create('x', { size, ...zone, ...rest });
    if (id !== '') await world.run(id);
    const request = { volume: 'x', ...CreateBackup.parse({}) };
    const refused = createBackup(world.api, call(), request);
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });
});

describe('a backup of what a host writes to', () => {
  async function asked(parts: Partial<Request> = {}) {
    const world = await attached();
    await world.use('data', true);
    const operation = await begin(world, parts);
    world.pass((await world.step(operation.id)).waitSeconds);
    return { world, operation };
  }

  it('backup-freezes: asks the host, and calls for no snapshot itself', async () => {
    const { world, operation } = await asked();
    expect(await taskOf(world, operation)).toMatchObject({
      hostId: hostA,
      kind: 'cut',
      consistency: 'freeze',
    });
    expect(world.woken).toContain(hostA);
    for (let count = 0; count < 10; count++) world.pass((await world.step(operation.id)).waitSeconds);
    expect(world.storage.truth.snapshots.size).toBe(0);
  });

  it('with consistency none is cut as it is', async () => {
    const { world, operation } = await asked({ consistency: 'none' });
    expect((await world.run(operation.id)).status).toBe('succeeded');
    expect(await world.table.read('task', keys.task(operation.id))).toBeUndefined();
  });

  it('fails when the host does not answer, and leaves nothing', async () => {
    const { world, operation } = await asked();
    const ended = await world.run(operation.id);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    expect(await backupOf(world, operation)).toMatchObject({ state: 'failed' });
    expect((await world.table.readHost(hostA))?.tasks).toEqual([]);
    await world.use('data', false);
    await backedUp(world);
  });

  it('goes on without the host when that has let go of the volume', async () => {
    const { world, operation } = await asked();
    await world.use('data', false);
    expect((await world.run(operation.id)).status).toBe('succeeded');
  });

  it('is asked for again, ever later, while AWS takes no more calls', async () => {
    const { world, operation } = await asked();
    const error = { code: 'Throttled', detail: 'AWS takes no more requests right now.' };
    const askedAt: number[] = [];
    for (let count = 0; count < 100 && askedAt.length < 6; count++) {
      const task = await taskOf(world, operation);
      if (task.result === undefined && askedAt.at(-1) !== Date.parse(task.at)) {
        askedAt.push(Date.parse(task.at));
        await world.table.transact(answerTask(task, { outcome: 'failed', error }));
      }
      world.pass((await world.step(operation.id)).waitSeconds);
    }
    const gaps = askedAt.slice(1).map((at, index) => (at - (askedAt[index] ?? 0)) / 1_000);
    expect(gaps).toHaveLength(5);
    expect(gaps.filter((gap, index) => gap < 2 ** (index + 1))).toEqual([]);
    await world.use('data', false);
    expect((await world.run(operation.id)).status).toBe('succeeded');
  });

  it('goes on without the host also when its cut had begun and failed, and makes one snapshot', async () => {
    const { world, operation } = await asked();
    const error = { code: 'Unavailable', detail: 'The call had no answer.' };
    const task = await taskOf(world, operation);
    await world.table.transact(answerTask({ ...task, begun: true }, { outcome: 'failed', error }));
    await world.use('data', false);
    expect((await world.run(operation.id)).status).toBe('succeeded');
    const { storage } = await backupOf(world, operation);
    expect([...world.storage.truth.snapshots.keys()]).toEqual([snapshotOfStorage(storage)]);
    expect(world.storage.calls.filter(({ action }) => action === 'createSnapshot')).toHaveLength(1);
  });

  it('that is forced away from it waits until EC2 has taken the device: until then it may write', async () => {
    const { world, operation } = await asked();
    await world.addHost(hostB);
    const handOver = await world.attach('data', hostB, true);
    for (let count = 0; count < 5; count++) world.pass((await world.step(operation.id)).waitSeconds);
    expect(world.storage.truth.snapshots.size).toBe(0);
    expect((await world.operation(operation.id)).message).toContain(`${hostA} to let go`);
    await world.run(handOver);
    expect((await world.run(operation.id)).status).toBe('succeeded');
    expect(world.storage.truth.snapshots.size).toBe(1);
  });

  it('that is not taken from it for long fails, and leaves nothing', async () => {
    const { world, operation } = await asked();
    await world.addHost(hostB);
    await world.attach('data', hostB, true);
    expect(await world.run(operation.id)).toMatchObject({ status: 'failed', error: { code: 'VolumeBusy' } });
    expect(world.storage.truth.snapshots.size).toBe(0);
    expect((await world.table.readHost(hostA))?.tasks).toEqual([]);
  });

  it('cut-proven: a cut that was not frozen to its end is removed, and made again', async () => {
    const { world, operation } = await asked();
    const task = await taskOf(world, operation);
    const made = await world.storage.createSnapshot({
      volumeId: storageOf((await world.volume('data')).volume.storage),
      description: '',
      tags: { 'hivemind:backup': operation.backup ?? '', 'hivemind:operation': operation.id },
    });
    const backup = await backupOf(world, operation);
    const storage = { kind: 'snapshot', snapshotId: made.id, sizeGiB: 10 } as const;
    await world.table.transact([replace('backup', backup, { ...backup, storage })]);
    const error = { code: 'TimedOut', detail: 'thawed before the answer came' };
    await world.table.transact(answerTask({ ...task, begun: true }, { outcome: 'failed', error }));
    for (let count = 0; count < 6; count++) world.pass((await world.step(operation.id)).waitSeconds);
    expect(world.storage.truth.snapshots.has(made.id)).toBe(false);
    expect(await taskOf(world, operation)).toMatchObject({ hostId: hostA, begun: false });
    expect((await taskOf(world, operation)).result).toBeUndefined();
    expect((await backupOf(world, operation)).state).toBe('creating');
  });
});

describe('contract 7: a backup that is needed', () => {
  it('backup-held: is not removed while it is held', async () => {
    const world = await attached();
    const { id } = await backedUp(world);
    await holdBackup(world.api, call(), { backup: id, held: true, ...HoldBackup.parse({ reason: 'audit' }) });
    const remove = () => deleteBackup(world.api, call(), { backup: id });
    await expect(remove()).rejects.toMatchObject({
      code: 'BackupHeld',
      message: expect.stringContaining('audit'),
    });
    await holdBackup(world.api, call(), { backup: id, held: false });
    const { body } = await remove();
    expect((await world.run(body.id)).status).toBe('succeeded');
    expect(world.storage.truth.snapshots.size).toBe(0);
    expect(await world.table.readBackup(id)).toBeUndefined();
    expect(await world.table.listBackupsOf((await world.volume('data')).volume.id)).toEqual([]);
  });

  it('is held, released and removed only at the revision that If-Match names, where it is sent', async () => {
    const world = await attached();
    const { id: backup, revision } = await backedUp(world);
    const stale = { code: 'StaleRevision', details: { value: '"0"', allowed: `"${revision}"` } };
    const old = call({ ifMatch: '"0"' });
    await expect(holdBackup(world.api, old, { backup, held: true })).rejects.toMatchObject(stale);
    await expect(deleteBackup(world.api, old, { backup })).rejects.toMatchObject(stale);
    const held = await holdBackup(world.api, call({ ifMatch: `"${revision}"` }), { backup, held: true });
    expect(held.body.held).toBe(true);
    const before = call({ ifMatch: `"${revision}"` });
    await expect(holdBackup(world.api, before, { backup, held: false })).rejects.toMatchObject({
      code: 'StaleRevision',
    });
    const now = held.headers['etag'] ?? '';
    const released = await holdBackup(world.api, call({ ifMatch: now }), { backup, held: false });
    const ifMatch = released.headers['etag'] ?? '';
    expect((await deleteBackup(world.api, call({ ifMatch }), { backup })).status).toBe(202);
    // Repeated, because the answer was lost: it is being removed.
    expect((await deleteBackup(world.api, call({ ifMatch }), { backup })).status).toBe(202);
  });

  it('backup-in-use: is not removed while it is being restored', async () => {
    const world = await attached();
    const backup = await backedUp(world);
    const { body } = await restore(world, backup, { name: 'copy' });
    await expect(deleteBackup(world.api, call(), { backup: backup.id })).rejects.toMatchObject({
      code: 'BackupInUse',
    });
    await world.run(body.id);
    const removal = await deleteBackup(world.api, call(), { backup: backup.id });
    expect((await world.run(removal.body.id)).status).toBe('succeeded');
  });
});

describe('a restore to a new volume', () => {
  it('has what the backup says, in the zone asked for', async () => {
    const world = await attached();
    const backup = await backedUp(world);
    const { body } = await restore(world, backup, { name: 'copy', availabilityZone: 'us-east-1b' });
    expect((await world.run(body.id)).status).toBe('succeeded');
    const { volume } = await world.volume('copy');
    expect(volume).toMatchObject({ state: 'available', availabilityZone: 'us-east-1b', type: 'local' });
    const made = world.storage.truth.volumes.get(storageOf(volume.storage));
    expect(made?.availabilityZone).toBe('us-east-1b');
  });

  it('restored-no-ticket: has the filesystem of the backup, mounted once', async () => {
    const world = await attached();
    const backup = await backedUp(world);
    const { body } = await restore(world, backup, { name: 'copy' });
    await world.run(body.id);
    const { lease } = await world.volume('copy');
    expect(lease?.filesystem).toEqual({ ...backup.source.format, mounted: true });
  });

  it('to a name that is taken is refused, and a repeat gives the operation', async () => {
    const world = await attached();
    const backup = await backedUp(world);
    await expect(restore(world, backup)).rejects.toMatchObject({ code: 'NameTaken' });
    const first = await restore(world, backup, { name: 'copy' });
    const second = await restore(world, backup, { name: 'copy' });
    expect(second.body.id).toBe(first.body.id);
  });

  it('of a backup that failed is refused', async () => {
    const world = await attached();
    await world.use('data', true);
    const operation = await begin(world);
    await world.run(operation.id);
    const failed = await backupOf(world, operation);
    await expect(restore(world, failed, { name: 'copy' })).rejects.toMatchObject({ code: 'IllegalState' });
  });
});

describe('a volume whose storage was freed', () => {
  async function purged() {
    const world = await attached();
    const { id } = (await world.volume('data')).volume;
    await world.run(await world.delete('data'));
    world.pass(undoWindowHours * 3_600);
    for (const operation of await world.purge()) await world.run(operation);
    world.pass(60);
    expect((await world.byId(id)).volume.state).toBe('purged');
    expect(world.storage.truth.volumes.size).toBe(0);
    return { world, id };
  }

  it('comes back from its final backup', async () => {
    const { world, id } = await purged();
    await world.undelete('data');
    const operation = await world.run(await world.lastOperation('data'));
    expect(operation.status).toBe('succeeded');
    const { volume, lease } = await world.volume('data');
    expect(volume).toMatchObject({ id, state: 'available' });
    expect(lease?.filesystem.state).toBe('formatted');
    expect(world.storage.truth.volumes.size).toBe(1);
  });

  it('is forgotten with its last backup', async () => {
    const { world, id } = await purged();
    const [final] = await world.table.listBackupsOf(id);
    const { body } = await deleteBackup(world.api, call(), { backup: final?.id ?? '' });
    expect((await world.run(body.id)).status).toBe('succeeded');
    expect(await world.table.readVolume(id)).toBeUndefined();
    expect(world.storage.truth.snapshots.size).toBe(0);
  });
});

function storageOf(storage: { kind: string } | undefined): string {
  return storage !== undefined && 'volumeId' in storage ? String(storage.volumeId) : '';
}
