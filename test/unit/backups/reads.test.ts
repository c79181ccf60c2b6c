import { describe, expect, it } from 'vitest';
import { keys } from '#shared/aws/table/keys.ts';
import { isProductError, ProductError } from '#shared/model/errors.ts';
import { ExtractBackup } from '#shared/model/extract.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { browseBackup, extractBackup } from '#functions/backups/read-backup.ts';
import { getExport, removeExport, signExport } from '#functions/transfers/exports.ts';
import { listVolumes } from '#functions/volumes/list-volumes.ts';
import { Killed } from '#test/fakes/killed.ts';
import { Effects, type Kill } from '#test/unit/workers/support/effects.ts';
import { call, existing, hostA, type World } from '#test/unit/workers/support/world.ts';
import { backedUp, backupOf, leftOf } from './support/drills.ts';
import { carryOutRead, content, hostReads, inBucket, sent } from './support/reads.ts';

async function extract(world: World, { id }: BackupItem, path = 'db/data.sql'): Promise<OperationItem> {
  const { body } = await extractBackup(world.api, call(), { backup: id, ...ExtractBackup.parse({ path }) });
  return world.operation(body.id);
}

describe('a file of a backup', () => {
  it('is read by a host from a scratch volume, of which nothing is left, and is fetched like an export', async () => {
    const { world, backup } = await backedUp();
    const operation = await extract(world, backup);
    expect(operation).toMatchObject({ kind: 'extract', host: hostA, backup: backup.id });
    const ended = await carryOutRead(world, operation, { result: sent });
    expect(ended).toMatchObject({ status: 'succeeded', progress: 100 });
    expect((await backupOf(world, backup.id)).users).toEqual([]);
    expect(await leftOf(world)).toEqual([]);
    const named = { namespace: 'default', operation: operation.id };
    const ports = { ...world.api, objects: world.objects };
    expect(await getExport(ports, named)).toMatchObject({
      state: 'ready',
      volume: 'data',
      sizeBytes: content.length,
      report: { form: 'file' },
    });
    expect((await signExport(ports, named)).url).toContain(operation.id);
    await removeExport(ports, named);
    expect(inBucket(world)).toEqual([]);
  });

  it('is asked of the host with what is on the copy, and is in no listing meanwhile', async () => {
    const { world, backup } = await backedUp();
    const { body } = await browseBackup(world.api, call(), { backup: backup.id, path: '' });
    const operation = await world.operation(body.id);
    while ((await world.table.read('task', keys.task(operation.id))) === undefined)
      world.pass((await world.step(operation.id)).waitSeconds);
    const { volume } = await world.byId(operation.volumeId);
    const { format } = backup.source;
    expect(existing(await world.table.read('task', keys.task(operation.id)), 'task')).toMatchObject({
      kind: 'extract',
      form: 'listing',
      path: '',
      hostId: hostA,
      serial: volume.storage?.kind === 'ebs' ? volume.storage.volumeId : '',
      filesystem: format.state === 'formatted' ? { type: format.type, uuid: format.uuid } : {},
      metadata: { name: 'data', createdAt: backup.cutAt },
    });
    expect(world.woken).toContain(hostA);
    const { items } = await listVolumes(world.api, 'default', {});
    expect(items.map(({ name }) => name)).toEqual(['data']);
    const removal = deleteBackup(world.api, call(), { backup: backup.id });
    await expect(removal).rejects.toMatchObject({ code: 'BackupInUse' });
  });

  it('that the host refuses is a problem for the caller, and nothing is left in the bucket', async () => {
    const { world, backup } = await backedUp();
    const error = { code: 'PathRefused', detail: '"db" is a link to "/etc"; links are not followed.' };
    const result = { outcome: 'failed', error } as const;
    const ended = await carryOutRead(world, await extract(world, backup), { result, sends: 'a part' });
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'PathRefused' } });
    expect(ended.error?.detail).toContain('links are not followed');
    expect([...inBucket(world), ...(await leftOf(world))]).toEqual([]);
  });

  it('that the host says it has sent and has not is no success', async () => {
    const { world, backup } = await backedUp();
    const ended = await carryOutRead(world, await extract(world, backup), {
      result: sent,
      sends: 'nothing',
    });
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'StorageFailed' } });
    expect(await leftOf(world)).toEqual([]);
  });

  it('whose host falls silent is given up, and the scratch volume goes', async () => {
    const { world, backup } = await backedUp();
    const ended = await world.run((await extract(world, backup)).id);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    expect([...inBucket(world), ...(await leftOf(world))]).toEqual([]);
  });

  it('that S3 will not remove keeps neither the scratch volume nor the operation', async () => {
    const { world, backup } = await backedUp();
    const operation = await extract(world, backup);
    const error = { code: 'CommandFailed', detail: 'because' };
    const answer = { result: { outcome: 'failed', error }, sends: 'a part' } as const;
    world.objects.abort = () => Promise.reject(new ProductError('AccessDenied', 'not allowed'));
    const ended = await carryOutRead(world, operation, answer);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'CommandFailed' } });
    expect(await leftOf(world)).toEqual([]);
  });
});

describe('what is asked of a backup', () => {
  it.each(['/etc/passwd', '../data', 'db/../../etc', 'a\0b', 'n'.repeat(256), 'a/'.repeat(4096)])(
    'is refused for the path %j, and nothing is made',
    async (path) => {
      const { world, backup } = await backedUp();
      const before = world.storage.truth.volumes.size;
      await expect(extract(world, backup, path)).rejects.toMatchObject({ code: 'PathRefused' });
      expect(world.storage.truth.volumes.size).toBe(before);
    },
  );

  it('is refused without a host that can read it, and gives the same operation to the same request', async () => {
    const { world, backup } = await backedUp();
    const once = call({ idempotencyKey: 'k' });
    const request = { backup: backup.id, path: 'a' };
    const first = await extractBackup(world.api, once, request);
    expect((await extractBackup(world.api, once, request)).body.id).toBe(first.body.id);
    world.pass(3600);
    await expect(extract(world, backup)).rejects.toMatchObject({ code: 'HostNotFound' });
  });
});

describe('killed at any of its effects', () => {
  async function stage() {
    const effects = new Effects();
    const staged = await backedUp(effects.options());
    return { ...staged, effects };
  }

  /** The caller repeats itself, and the sweeper starts the worker again, until nothing is unfinished. */
  async function survive(
    { world, backup, effects }: Awaited<ReturnType<typeof stage>>,
    answer: Parameters<typeof hostReads>[2],
    kill?: Kill,
  ): Promise<void> {
    effects.begin(kill);
    const once = call({ idempotencyKey: 'extract' });
    const ask = () => extractBackup(world.api, once, { backup: backup.id, path: 'a' });
    await surviving(ask);
    await surviving(ask);
    for (let count = 0; count < 200; count++) {
      const [unfinished] = await world.table.listUnfinishedOperations('9999');
      if (unfinished === undefined) break;
      await hostReads(world, unfinished.id, answer);
      const output = await surviving(() => world.step(unfinished.id));
      world.pass(output?.waitSeconds ?? 2);
    }
  }

  async function surviving<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Killed || isProductError(error)) return undefined;
      throw error;
    }
  }

  const error = { code: 'CommandFailed', detail: 'because' };
  it.each([
    ['succeeded', { result: sent }],
    ['failed', { result: { outcome: 'failed', error }, sends: 'a part' }],
  ] as const)('has %s at its end, and nothing leaks', async (status, answer) => {
    const whole = await stage();
    await survive(whole, answer);
    const effects = whole.effects.recorded.map(({ what }) => what);
    expect(effects).toEqual(expect.arrayContaining(['createVolume', 'attachVolume', 'deleteVolume']));
    for (let at = 0; at < effects.length; at++) {
      for (const when of ['before', 'after'] as const) {
        const staged = await stage();
        const { world, backup } = staged;
        await survive(staged, answer, { at, when });
        const where = `${when} ${effects[at]}`;
        expect([where, staged.effects.killed]).toEqual([where, true]);
        expect([where, (await backupOf(world, backup.id)).users]).toEqual([where, []]);
        expect([where, await leftOf(world)]).toEqual([where, []]);
        const objects = status === 'failed' ? 0 : 1;
        expect([where, inBucket(world).length]).toEqual([where, objects]);
      }
    }
  });
});
