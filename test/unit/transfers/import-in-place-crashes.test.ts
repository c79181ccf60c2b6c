import { createHash, hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { put } from '#shared/aws/table/writes.ts';
import { transferKey } from '#shared/model/archive-transfer.ts';
import type { OperationItem, TaskItem } from '#shared/model/items.ts';
import type { TaskResult } from '#shared/model/task.ts';
import { CreateVolume } from '#shared/model/volume.ts';
import { beginImport, completeImport } from '#functions/transfers/imports.ts';
import { createVolume } from '#functions/volumes/create-volume.ts';
import { Killed } from '#test/fakes/killed.ts';
import { everywhere, untilItEnds, type Killer } from '#test/unit/backups/support/killer.ts';
import { call, hostA, World } from '#test/unit/workers/support/world.ts';

/*
 * Imports in place that do not go the whole way of `importInPlace` in test/unit/backups/crash-points.test.ts: a worker is killed
 * before and after each of its effects.
 */

const content = Buffer.from('an archive, whatever is in it');
const sha256 = createHash('sha256').update(content).digest('hex');
const wanted = { partNumber: 1, sizeBytes: content.length, sha256: hash('sha256', content, 'base64') };

async function stage({ next, store }: Killer): Promise<World> {
  const world = new World({ workerStore: store });
  world.objects.around = (_action, perform) => {
    const side = next();
    if (side === 'crash-before') return Promise.reject(new Killed('before a call of S3'));
    perform();
    return side === undefined ? Promise.resolve() : Promise.reject(new Killed('after a call of S3'));
  };
  await world.addHost(hostA);
  const body = CreateVolume.parse({ name: 'folder', type: 'hostpath', options: { path: '/data/folder' } });
  await createVolume(world.api, call(), body);
  return world;
}

/** All is sent; the operation that begins then. */
async function sent(world: World): Promise<OperationItem> {
  const ports = { ...world.backupsApi, objects: world.objects };
  const request = { volume: 'folder', sizeBytes: content.length, partBytes: 8 * 2 ** 20, inPlace: true };
  const { id: upload } = await beginImport(ports, call({ idempotencyKey: 'file' }), request);
  const [uploadId = ''] = [...world.objects.uploads.keys()];
  const signed = await ports.objects.signParts({ key: transferKey(upload), uploadId }, [wanted]);
  const parts = signed.map((part) => world.objects.put(part, content));
  return world.operation((await completeImport(ports, call(), { upload, parts, sha256 })).body.id);
}

const runToEnd = (
  world: World,
  { id }: OperationItem,
  host: (task: TaskItem) => TaskResult,
): Promise<OperationItem> =>
  untilItEnds(world, id, async () => {
    const at = world.clock().toISOString();
    await world.table.transact([put('seen', { hostId: hostA, bootId: 'boot', at })]);
    const task = await world.table.read('task', keys.task(id));
    if (task?.result === undefined && task !== undefined)
      await world.table.transact(answerTask(task, host(task)));
  });

const snapshot = {
  snapshotId: 'a'.repeat(64),
  at: '2026-11-23T12:00:01.000Z',
  files: 1,
  sizeBytes: 1,
  notes: [],
};
const error = { code: 'CommandFailed', detail: 'no room' };
const cases: readonly [string, (task: TaskItem) => TaskResult, object][] = [
  [
    'that its host cannot do',
    ({ kind }) =>
      kind === 'archive' ? { outcome: 'done', snapshot } : { outcome: 'failed', error, asBefore: true },
    { status: 'failed', backups: ['available'] },
  ],
  [
    'whose guard its host cannot make',
    () => ({ outcome: 'failed', error }),
    { status: 'failed', backups: ['failed'] },
  ],
  [
    'of an empty volume',
    ({ kind }) =>
      kind === 'archive'
        ? { outcome: 'done', empty: true }
        : { outcome: 'done', transfer: { files: 1, notes: [] } },
    { status: 'succeeded', backups: [] },
  ],
];

describe.each(['crash-before', 'crash-after'] as const)(
  'with a %s of each effect an import in place',
  (side) => {
    it.each(cases)('%s comes to its end', async (_which, host, expected) => {
      const effects = await everywhere(side, async (killer) => {
        const world = await stage(killer);
        const operation = await sent(world);
        killer.begin();
        const { status } = await runToEnd(world, operation, host);
        const { volume } = await world.volume('folder');
        const backups = (await world.table.listBackupsOf(volume.id)).map(({ state }) => state);
        expect({ status, backups }).toEqual(expected);
        expect([volume.filling, ...world.objects.objects.keys()]).toEqual([undefined]);
        const entities = [...world.store.items.values()].map(({ entity }) => String(entity));
        expect(entities.filter((one) => ['hostTask', 'step', 'backing', 'importing'].includes(one))).toEqual(
          [],
        );
      });
      expect(effects).toBeGreaterThan(4);
    });
  },
);
