import { keys, partitions } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import { put } from '#shared/aws/table/writes.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import type { PolicyItem, WatchedItem } from '#shared/model/policy-items.ts';
import { drillObjectiveOf, objectiveOf, type RunKind } from '#shared/model/policy.ts';
import { drillHistory, whyNoDrill, type DrillHistory } from '#shared/model/rules-drill.ts';
import { whyNoBackup } from '#shared/model/rules-policy.ts';
import { listVolumes } from '#functions/volumes/list-volumes.ts';
import type { Ports } from '#functions/volumes/ports.ts';
import { newestGood } from './newest-good.ts';
import { momentOf } from './retain.ts';

type Watching = Pick<Ports, 'table' | 'clock'>;

const pageSize = 1_000;
const concurrency = 20;

/** Ids of volumes that a policy selects and of which not all is well. */
export interface Late {
  /** No good backup, of whatever origin, within the objective. */
  readonly volumes: readonly string[];
  /** No drill has passed within the drills' objective, or the last one could not be tried. None where there are no drills. */
  readonly drills: readonly string[];
  /** The last drill that came to a finding has failed. */
  readonly failedDrills: readonly string[];
}

interface Verdict {
  readonly id: string;
  readonly volume: boolean;
  readonly drill: boolean;
  readonly failed: boolean;
}

/** Looks at all volumes of a policy. A paused policy counts like any other: who forgets to resume it is told. */
export async function lateOf(ports: Watching, policy: PolicyItem): Promise<Late> {
  const all: Verdict[] = [];
  const query = { label: [policy.selector], limit: pageSize };
  for (let cursor: string | undefined; ;) {
    const page = await listVolumes(ports, policy.namespace, { ...query, cursor });
    const subjects = page.items.filter((volume) => whyNoBackup(volume) === undefined);
    const looked = await mapLimit(subjects, concurrency, async (volume): Promise<Verdict> => {
      const history = drillHistory(await drillsOf(ports.table, volume.id));
      return {
        id: volume.id,
        volume: await isOverdue(ports, policy, volume.id),
        drill: whyNoDrill(volume) === undefined && (await isUnproven(ports, policy, { ...volume, history })),
        failed: history.failed !== undefined,
      };
    });
    all.push(...looked);
    if (page.cursor === undefined) break;
    cursor = page.cursor;
  }
  const ids = (is: (verdict: Verdict) => boolean): string[] => all.filter(is).map(({ id }) => id);
  return {
    volumes: ids(({ volume }) => volume),
    drills: ids(({ drill }) => drill),
    failedDrills: ids(({ failed }) => failed),
  };
}

async function isOverdue(ports: Watching, policy: PolicyItem, volumeId: string): Promise<boolean> {
  const good = await newestGood(ports.table, volumeId);
  const moment = good === undefined ? await firstSeen(ports, policy, { id: volumeId }) : momentOf(good);
  return isOlder(ports, moment, objectiveOf(policy));
}

interface Proven {
  readonly id: string;
  readonly history: DrillHistory;
}

async function isUnproven(ports: Watching, policy: PolicyItem, { id, history }: Proven): Promise<boolean> {
  const { drill, drillSince = policy.createdAt } = policy;
  if (drill === undefined) return false;
  const { passed, untried } = history;
  const moment = passed?.at ?? (await firstSeen(ports, policy, { id, missing: 'drill' }));
  // Switched on today, it asks nothing of yesterday.
  const since = moment > drillSince ? moment : drillSince;
  return untried !== undefined || isOlder(ports, since, drillObjectiveOf(drill)); // guard: untried-is-overdue off: return isOlder(ports, since, drillObjectiveOf(drill));
}

function isOlder({ clock }: Pick<Watching, 'clock'>, moment: string, seconds: number): boolean {
  return clock().getTime() - Date.parse(moment) > seconds * 1_000;
}

/** The last drills of a volume's backups, one of each outcome. */
export async function drillsOf(table: Table, volumeId: string) {
  return (await table.list('drilled', { pk: partitions.volumeDrills(volumeId) })).items;
}

/** A volume that was not selected for so long counts as new again. */
const forgottenAfterMs = 3_600_000;
/** How exactly it is known when it was last seen. */
const seenEveryMs = 15 * 60_000;

/** Since when the policy has selected a volume without it: it is not overdue before its objective has passed. */
async function firstSeen(
  { table, clock }: Watching,
  policy: PolicyItem,
  { id, missing = 'backup' }: { readonly id: string; readonly missing?: RunKind },
): Promise<string> {
  const now = clock();
  const was = await table.read('watched', keys.watched(policy.id, id, missing));
  const age = was === undefined ? Number.POSITIVE_INFINITY : now.getTime() - Date.parse(was.seenAt);
  if (was !== undefined && age < seenEveryMs) return was.since;
  const since = was === undefined || age > forgottenAfterMs ? now.toISOString() : was.since;
  const seenAt = now.toISOString();
  const item: WatchedItem = { policyId: policy.id, volumeId: id, missing, since, seenAt };
  await table.transact([put('watched', item)]);
  return since;
}
