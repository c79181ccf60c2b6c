import { ProductError } from '#shared/model/errors.ts';
import type { OverdueCounts } from '#shared/model/metrics.ts';
import type { PolicyItem } from '#shared/model/policy-items.ts';
import { allPolicies } from './all-policies.ts';
import { beginDueDrills } from './due-drills.ts';
import { lateOf, type Late } from './overdue.ts';
import type { PolicyKeeper, RunStarter } from './ports.ts';
import { repairPolicies } from './repair.ts';

export interface WatchPorts extends PolicyKeeper, RunStarter {
  /** Publishes how many volumes are overdue, and how many drills: of one policy, or in all. */
  readonly publish: (counts: OverdueCounts, policyId?: string) => void;
}

export interface WatchReport {
  /** Ids of overdue volumes, each once. */
  readonly overdue: readonly string[];
  /** The same of volumes whose drill is overdue, or has failed. */
  readonly overdueDrills: readonly string[];
  readonly failedDrills: readonly string[];
  /** Ids of policies whose schedule or alarm was made good. */
  readonly repaired: readonly string[];
  /** Ids of runs of drills that were begun. */
  readonly drilling: readonly string[];
}

/**
 * Publishes at every call the numbers of overdue volumes, overdue drills and failed drills, of each policy and in all, also
 * when they are 0; then makes schedules and alarms good, and begins the drills whose time has come. What could not be counted
 * is not published: missing data is an alarm.
 * @throws ProductError Internal when a policy could not be looked at, after all others were
 */
export async function watchBackups(ports: WatchPorts): Promise<WatchReport> {
  const policies = (await allPolicies(ports.table)).filter(({ deleting }) => !deleting);
  const failed: unknown[] = [];
  const all = { volumes: new Set<string>(), drills: new Set<string>(), failedDrills: new Set<string>() };
  for (const policy of policies) {
    try {
      const late = await lateOf(ports, policy);
      publishOf(ports, policy, late);
      for (const what of ['volumes', 'drills', 'failedDrills'] as const)
        for (const id of late[what]) all[what].add(id);
    } catch (error) {
      ports.log.error('policy not watched', { policy: policy.id, error });
      failed.push(error);
    }
  }
  const { volumes, drills, failedDrills } = all;
  if (failed.length === 0)
    ports.publish({
      overdueVolumes: volumes.size,
      overdueDrills: drills.size,
      failedDrills: failedDrills.size,
    });
  const repaired = await repairPolicies(ports);
  const drilling = await beginDueDrills(ports, policies);
  if (failed.length > 0)
    throw new ProductError('Internal', `${failed.length} policies could not be watched.`, {
      cause: failed[0],
    });
  return {
    overdue: [...volumes],
    overdueDrills: [...drills],
    failedDrills: [...failedDrills],
    repaired,
    drilling,
  };
}

/** Of a policy without drills there is nothing to say about them: nobody has an alarm on it. */
function publishOf({ publish, log }: WatchPorts, { id, drill }: PolicyItem, late: Late): void {
  const { volumes, drills, failedDrills } = late;
  const ofDrills = { overdueDrills: drills.length, failedDrills: failedDrills.length };
  publish({ overdueVolumes: volumes.length, ...(drill === undefined ? {} : ofDrills) }, id);
  const named = { volumes, drills, failedDrills };
  for (const [what, ids] of Object.entries(named))
    if (ids.length > 0)
      log.warn(words[what as keyof typeof named], { policy: id, volumes: ids.slice(0, 100) });
}

const words = {
  volumes: 'volumes overdue',
  drills: 'drills overdue',
  failedDrills: 'drills failed',
} as const;
