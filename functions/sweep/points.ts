import { partitions, prefixes } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { SharedPointItem } from '#shared/model/items.ts';
import type { SweepPorts } from './ports.ts';

/** Who began the job may not have written its answer down yet; it asks again with the same token. */
const grace = 60 * 60_000;

/**
 * Recovery points of the shared file system in the product's own vault that no record names: reported, and freed by a person
 * only (contract 4). Those of a job whose answer was lost get their name in the record when it is asked for again, so
 * nothing is said of any that is younger than a record which waits for its job.
 */
export async function findStrayPoints({ table, recovery, settings, clock }: SweepPorts): Promise<string[]> {
  const points = (await recovery.listPoints()).filter(({ state }) => state !== 'deleting');
  if (points.length === 0) return [];
  const records = await sharedPoints(table, settings.fileSystemId);
  const named = new Set(records.map(({ recoveryPointArn }) => recoveryPointArn));
  const waiting = records.filter(({ state, jobId }) => state === 'creating' && jobId === undefined);
  const before = Math.min(
    clock().getTime() - grace,
    ...waiting.map(({ createdAt }) => Date.parse(createdAt)),
  );
  return points
    .filter(({ arn, createdAt }) => !named.has(arn) && (createdAt?.getTime() ?? 0) < before)
    .map(({ arn }) => arn);
}

async function sharedPoints(table: Table, fileSystemId: string): Promise<SharedPointItem[]> {
  const found: SharedPointItem[] = [];
  for (let after: string | undefined; ;) {
    const query = { pk: partitions.fileSystem(fileSystemId), prefix: prefixes.sharedPoint };
    const page = await table.list('sharedPoint', { ...query, ...(after === undefined ? {} : { after }) });
    found.push(...page.items);
    if (page.next === undefined) return found;
    after = page.next;
  }
}
