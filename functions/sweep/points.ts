import type { TaggedThing } from '#shared/aws/leftovers.ts';
import { partitions, prefixes } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { SharedPointItem } from '#shared/model/items.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import type { SweepPorts } from './ports.ts';

/*
 * A backup whose StartBackupJob was never answered, and which AWS then refused, has failed without the name of the recovery
 * point that came of the job after all. Its record says so for a week: a point that carries the tag of that very operation
 * is nobody's. This is the one kind that is removed here.
 */

/** Who began the job may not have written its answer down yet; it asks again with the same token. */
const grace = 60 * 60_000;

/**
 * Recovery points of the shared file system in the product's own vaults that no record names: reported, and freed by a person
 * only (contract 4). Those of a job whose answer was lost get their name in the record when it is asked for again, so
 * nothing is said of any that is younger than a record which waits for its job.
 */
export async function findStrayPoints(ports: SweepPorts): Promise<TaggedThing[]> {
  const { table, settings } = ports;
  const records = await sharedPoints(table, settings.fileSystemId);
  const here = await withoutOrphans(ports, await straysIn(ports, settings.region, records), records);
  const there: TaggedThing[] = [];
  for (const region of settings.vaultRegions) {
    try {
      there.push(...(await straysIn(ports, region, records)));
    } catch (error) {
      ports.log.warn('copies of recovery points not looked at', { region, error });
    }
  }
  return [...here, ...there];
}

async function withoutOrphans(
  { recovery, settings, log }: SweepPorts,
  strays: readonly TaggedThing[],
  records: readonly SharedPointItem[],
): Promise<TaggedThing[]> {
  // Those of a copy carry the tag of their original's operation.
  const lost = new Set(
    records
      .filter(({ state, jobId, run }) => state === 'failed' && jobId === undefined && !run.includes('/'))
      .map(({ operationId }) => operationId),
  );
  if (lost.size === 0) return [...strays];
  const points = recovery.in(settings.region);
  const left: TaggedThing[] = [];
  for (const stray of strays) {
    const tags = await points.tagsOf(stray.id);
    const isOurs = tags?.[tagKeys.product] === productTagValue && lost.has(tags[tagKeys.operation] ?? ''); // guard: orphan-by-record off: const isOurs = tags !== undefined;
    if (!isOurs) {
      left.push(stray);
      continue;
    }
    log.warn('removing the recovery point of a backup that failed', { arn: stray.id, tags });
    await points.deletePoint(stray.id);
  }
  return left;
}

async function straysIn(
  { recovery, clock }: SweepPorts,
  region: string,
  records: readonly SharedPointItem[],
): Promise<TaggedThing[]> {
  const points = (await recovery.in(region).listPoints()).filter(({ state }) => state !== 'deleting');
  // A copy is as old as what it is made from, and has its name in the record when it is complete.
  const unnamed = records.filter((record) => record.state === 'creating' && !isNamed(record));
  const isCopy = ({ run }: SharedPointItem): boolean => run.includes('/');
  if (points.length === 0 || unnamed.some(({ run }) => run.startsWith(`${region}/`))) return [];
  const named = new Set(records.map(({ recoveryPointArn }) => recoveryPointArn));
  const before = Math.min(
    clock().getTime() - grace,
    ...unnamed.filter((record) => !isCopy(record)).map(({ createdAt }) => Date.parse(createdAt)),
  );
  return points
    .filter(({ arn, createdAt }) => !named.has(arn) && (createdAt?.getTime() ?? 0) < before)
    .map(({ arn }) => ({ id: arn, tags: {}, region }));
}

const isNamed = ({ recoveryPointArn }: SharedPointItem): boolean => recoveryPointArn !== undefined;

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
