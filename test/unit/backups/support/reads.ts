import { hash, createHash } from 'node:crypto';
import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { put, replace } from '#shared/aws/table/writes.ts';
import { transferKey } from '#shared/model/archive-transfer.ts';
import type { OperationItem, TaskItem, TransferItem } from '#shared/model/items.ts';
import { existing, hostA, type World } from '#test/unit/workers/support/world.ts';

export const content = Buffer.from('what the file holds');
export const sent = {
  outcome: 'done',
  transfer: { files: 1, notes: [], form: 'file' },
} as const satisfies TaskItem['result'];

/** What the host's agent does with its task: `sends` says whether it comes to sending all of it. */
export async function hostReads(
  world: World,
  id: string,
  { result, sends = 'all' }: { result: TaskItem['result']; sends?: 'all' | 'a part' | 'nothing' },
): Promise<void> {
  const at = world.clock().toISOString();
  await world.table.transact([put('seen', { hostId: hostA, bootId: 'boot', at })]);
  const task = await world.table.read('task', keys.task(id));
  if (task === undefined || task.result !== undefined || result === undefined) return;
  if (sends !== 'nothing') await send(world, id, sends === 'all');
  await world.table.transact(answerTask(task, result));
}

async function send({ table, objects }: World, id: string, whole: boolean): Promise<void> {
  const key = transferKey(id);
  const uploadId = await objects.begin(key);
  const begun = await change(table, id, { attempt: crypto.randomUUID(), uploadId });
  const wanted = { partNumber: 1, sizeBytes: content.length, sha256: hash('sha256', content, 'base64') };
  const [part] = await objects.signParts({ key, uploadId }, [wanted]);
  const parts = [objects.put(existing(part, 'part'), content)];
  if (!whole) return;
  const { versionId } = await objects.complete({ key, uploadId }, parts);
  const sha256 = createHash('sha256').update(content).digest('hex');
  await change(table, begun.id, { sizeBytes: content.length, sha256, versionId });
}

async function change(
  table: World['table'],
  id: string,
  parts: Partial<TransferItem>,
): Promise<TransferItem> {
  const was = existing(await table.read('transfer', keys.transfer(id)), id);
  const next = { ...was, ...parts };
  await table.transact([replace('transfer', was, next)]);
  return next;
}

/** What the state machine and the host's agent do, until the operation ends. */
export async function carryOutRead(
  world: World,
  { id }: OperationItem,
  answer: Parameters<typeof hostReads>[2],
): Promise<OperationItem> {
  for (let count = 0; count < 300; count++) {
    await hostReads(world, id, answer);
    const { outcome, waitSeconds } = await world.step(id);
    if (outcome === 'done' || outcome === 'failed') break;
    world.pass(waitSeconds);
  }
  return world.operation(id);
}

/** Uploads and objects in the archive bucket. */
export const inBucket = ({ objects }: World): string[] => [
  ...objects.uploads.keys(),
  ...objects.objects.keys(),
];
