import { describe, expect, it } from 'vitest';
import { keys } from '#shared/aws/table/keys.ts';
import { answerPurge } from '#shared/aws/table/volume-writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import { ExtractBackup } from '#shared/model/extract.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { browseBackup, extractBackup } from '#functions/backups/read-backup.ts';
import { getExport } from '#functions/transfers/exports.ts';
import { listVolumes } from '#functions/volumes/list-volumes.ts';
import { Killed } from '#test/fakes/killed.ts';
import { call, existing, hostA, type World, type WorldOptions } from '#test/unit/workers/support/world.ts';
import { everywhere } from './support/killer.ts';
import { hostReads, inBucket, sent } from './support/reads.ts';
import { backedUp, leftOf, look, remove, seen, worldWith } from './support/recovery-world.ts';

type Answer = Parameters<typeof hostReads>[2];
const refused: Answer = {
  result: { outcome: 'failed', error: { code: 'PathRefused', detail: '"db" is a link.' } },
  sends: 'a part',
};

async function staged(options: WorldOptions = {}): Promise<{ world: World; backup: BackupItem }> {
  const world = await worldWith(['shared'], options);
  const backup = await backedUp(world);
  await seen(world, hostA);
  return { world, backup };
}

async function extract(world: World, { id }: BackupItem, path = 'db/data.sql'): Promise<OperationItem> {
  const request = { backup: id, ...ExtractBackup.parse({ path }) };
  const { body } = await extractBackup(world.backupsApi, call({ idempotencyKey: 'k' }), request);
  return world.operation(body.id);
}

/** The host's part: it looks for the directory, reads and sends, and empties it. Without an answer it falls silent until it is given up. */
async function hostDoes(world: World, id: string, answer: Answer | undefined): Promise<void> {
  const { volumeId, trail } = await world.operation(id);
  const asked = (await world.table.read('task', keys.task(id)))?.kind === 'extract-files';
  if (asked && answer === undefined && !trail.includes('recordExtract')) return;
  await seen(world, hostA);
  const { purge } = (await world.table.readVolume(volumeId)) ?? {};
  if (purge !== undefined && !purge.done) await world.table.transact(answerPurge(purge));
  const task = await world.table.read('task', keys.task(id));
  if (task === undefined || task.result !== undefined) return;
  if (task.kind === 'locate') return void (await look(world, task));
  if (answer !== undefined) await hostReads(world, id, answer);
}

async function carryOut(
  world: World,
  { id }: OperationItem,
  answer: Answer | undefined,
): Promise<OperationItem> {
  for (let turn = 0; turn < 600; turn++) {
    const operation = await world.operation(id);
    if (isFinished(operation.status)) return operation;
    try {
      await hostDoes(world, id, answer);
      world.pass(Math.max(1, (await world.step(id)).waitSeconds));
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      world.pass(40);
    }
  }
  return world.operation(id);
}

const usersOf = async (world: World, { id }: BackupItem) =>
  existing(await world.table.readBackup(id), id).users;

describe('a file of a recovery point', () => {
  it('is read by a host from a directory that AWS restores, of which nothing is left, and is fetched like an export', async () => {
    const { world, backup } = await staged();
    const operation = await extract(world, backup);
    expect(operation).toMatchObject({ kind: 'extract', driver: 'efs', host: hostA, backup: backup.id });
    const ended = await carryOut(world, operation, { result: sent });
    expect(ended).toMatchObject({ status: 'succeeded', progress: 100 });
    expect(await usersOf(world, backup)).toEqual([]);
    expect(await leftOf(world)).toEqual([]);
    const named = { namespace: 'default', operation: operation.id };
    const ports = { ...world.api, objects: world.objects };
    expect(await getExport(ports, named)).toMatchObject({
      state: 'ready',
      volume: 'shared',
      report: { form: 'file' },
    });
    expect((await remove(world, backup)).status).toBe('succeeded');
  });

  it('is asked of the host with the copy’s own access point, and is in no listing meanwhile', async () => {
    const { world, backup } = await staged();
    const { body } = await browseBackup(world.backupsApi, call(), { backup: backup.id, path: 'db' });
    for (let turn = 0; turn < 100; turn++) {
      if ((await world.table.read('task', keys.task(body.id)))?.kind === 'extract-files') break;
      await hostDoes(world, body.id, undefined);
      world.pass(Math.max(1, (await world.step(body.id)).waitSeconds));
    }
    const { volume } = await world.byId((await world.operation(body.id)).volumeId);
    const accessPointId = volume.storage?.kind === 'efs' ? volume.storage.accessPointId : '';
    expect(accessPointId).not.toBe('');
    expect(await world.table.read('task', keys.task(body.id))).toMatchObject({
      kind: 'extract-files',
      form: 'listing',
      path: 'db',
      hostId: hostA,
      copy: { accessPointId, fileSystemId: world.points.fileSystemId },
      metadata: { name: 'shared', createdAt: backup.cutAt },
    });
    const { items } = await listVolumes(world.api, 'default', {});
    expect(items.map(({ name }) => name)).toEqual(['shared']);
    const removal = deleteBackup(world.api, call(), { backup: backup.id });
    await expect(removal).rejects.toMatchObject({ code: 'BackupInUse' });
  });

  it('extract-files-cleans: that the host refuses is a problem for the caller, and nothing is left', async () => {
    const { world, backup } = await staged();
    const ended = await carryOut(world, await extract(world, backup), refused);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'PathRefused' } });
    expect([...inBucket(world), ...(await leftOf(world))]).toEqual([]);
    expect(await usersOf(world, backup)).toEqual([]);
  });

  it('that the host says it has sent and has not is no success', async () => {
    const { world, backup } = await staged();
    const answer: Answer = { result: sent, sends: 'nothing' };
    const ended = await carryOut(world, await extract(world, backup), answer);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'StorageFailed' } });
    expect(await leftOf(world)).toEqual([]);
  });

  it('whose host falls silent is given up, and the copy goes', async () => {
    const { world, backup } = await staged();
    const ended = await carryOut(world, await extract(world, backup), undefined);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    expect(await leftOf(world)).toEqual([]);
  });

  it('that AWS cannot restore fails with its words, and leaves nothing', async () => {
    const { world, backup } = await staged();
    for (const point of world.recovery.points.values()) point.holds.clear();
    const ended = await carryOut(world, await extract(world, backup), { result: sent });
    expect(ended.error?.detail).toContain('Not in the recovery point');
    expect(await leftOf(world)).toEqual([]);
  });

  it('that S3 will not remove keeps neither the copy nor the operation', async () => {
    const { world, backup } = await staged();
    world.objects.abort = () => Promise.reject(new ProductError('AccessDenied', 'not allowed'));
    const ended = await carryOut(world, await extract(world, backup), refused);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'PathRefused' } });
    expect(await leftOf(world)).toEqual([]);
  });

  it('is refused for a path that leads upwards, and without a host', async () => {
    const { world, backup } = await staged();
    await expect(extract(world, backup, '../x')).rejects.toMatchObject({ code: 'PathRefused' });
    world.pass(3600);
    await expect(extract(world, backup)).rejects.toMatchObject({ code: 'HostNotFound' });
    expect(world.recovery.begun.restores).toBe(0);
  });
});

describe.each([
  ['succeeded', { result: sent }],
  ['failed', refused],
] as const)('one that has %s', (status, answer) => {
  it.each(['crash-before', 'crash-after'] as const)(
    'survives a %s of each effect, restores once, and leaves nothing',
    async (side) => {
      const effects = await everywhere(side, async (killer) => {
        const { store, next } = killer;
        const { world, backup } = await staged({ workerStore: store, recoveryFault: next, pointFault: next });
        const operation = await extract(world, backup);
        killer.begin();
        expect((await carryOut(world, operation, answer)).status).toBe(status);
        expect(world.recovery.begun.restores).toBe(1);
        expect(await usersOf(world, backup)).toEqual([]);
        expect(await leftOf(world)).toEqual([]);
        expect(inBucket(world)).toHaveLength(status === 'failed' ? 0 : 1);
      });
      expect(effects).toBeGreaterThan(20);
    },
  );
});
