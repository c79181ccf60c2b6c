import { keys, partitions } from '#shared/aws/table/keys.ts';
import { put } from '#shared/aws/table/writes.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import type { BackupItem } from '#shared/model/items.ts';
import type { PolicyItem, WatchedItem } from '#shared/model/policy-items.ts';
import { objectiveOf } from '#shared/model/policy.ts';
import { whyNoBackup } from '#shared/model/rules-policy.ts';
import { listVolumes } from '#functions/volumes/list-volumes.ts';
import type { Ports } from '#functions/volumes/ports.ts';
import { momentOf } from './retain.ts';

type Watching = Pick<Ports, 'table' | 'clock'>;

const pageSize = 1_000;
const concurrency = 20;

/**
 * Volumes that the policy selects and that have no good backup, of whatever origin, within its objective: their ids. A
 * paused policy counts like any other: who forgets to resume it is told.
 */
export async function overdueVolumes(ports: Watching, policy: PolicyItem): Promise<string[]> {
  const overdue: string[] = [];
  const query = { label: [policy.selector], limit: pageSize };
  for (let cursor: string | undefined; ;) {
    const page = await listVolumes(ports, policy.namespace, { ...query, cursor });
    const subjects = page.items.filter((volume) => whyNoBackup(volume) === undefined);
    const late = await mapLimit(subjects, concurrency, ({ id }) => isOverdue(ports, policy, id));
    overdue.push(...subjects.filter((_, index) => late[index]).map(({ id }) => id));
    if (page.cursor === undefined) return overdue;
    cursor = page.cursor;
  }
}

async function isOverdue(ports: Watching, policy: PolicyItem, volumeId: string): Promise<boolean> {
  const moment = (await newestGood(ports, volumeId)) ?? (await firstSeen(ports, policy, volumeId));
  return ports.clock().getTime() - Date.parse(moment) > objectiveOf(policy) * 1_000;
}

/** A copy in another Region is not what the volume is restored from; what it was made from may be gone. */
function isGood({ state, origin }: BackupItem): boolean {
  return state === 'available' && origin !== 'copy'; // guard: overdue-copies off: return state === 'available';
}

const lookedAtOnce = 5;

/** The moment that the newest backup holds which can be restored. */
async function newestGood({ table }: Watching, volumeId: string): Promise<string | undefined> {
  for (let after: string | undefined; ;) {
    const query = { pk: partitions.volumeBackups(volumeId), reverse: true, limit: lookedAtOnce };
    const page = await table.list('volumeBackup', { ...query, ...(after === undefined ? {} : { after }) });
    const wanted = page.items.map(({ backupId }) => keys.backup(backupId));
    const good = (await table.readMany('backup', wanted)).find(isGood);
    if (good !== undefined) return momentOf(good);
    if (page.next === undefined) return undefined;
    after = page.next;
  }
}

/** A volume that was not selected for so long counts as new again. */
const forgottenAfterMs = 3_600_000;
/** How exactly it is known when it was last seen. */
const seenEveryMs = 15 * 60_000;

/** Since when the policy has selected a volume without a good backup: it is not overdue before its objective has passed. */
async function firstSeen({ table, clock }: Watching, policy: PolicyItem, volumeId: string): Promise<string> {
  const now = clock();
  const was = await table.read('watched', keys.watched(policy.id, volumeId));
  const age = was === undefined ? Number.POSITIVE_INFINITY : now.getTime() - Date.parse(was.seenAt);
  if (was !== undefined && age < seenEveryMs) return was.since;
  const since = was === undefined || age > forgottenAfterMs ? now.toISOString() : was.since;
  const item: WatchedItem = { policyId: policy.id, volumeId, since, seenAt: now.toISOString() };
  await table.transact([put('watched', item)]);
  return since;
}
