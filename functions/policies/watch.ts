import { ProductError } from '#shared/model/errors.ts';
import { allPolicies } from './all-policies.ts';
import { overdueVolumes } from './overdue.ts';
import type { PolicyKeeper } from './ports.ts';
import { repairPolicies } from './repair.ts';

export interface WatchPorts extends PolicyKeeper {
  /** Publishes how many volumes are overdue: of one policy, or in all. */
  readonly publish: (overdue: number, policyId?: string) => void;
}

export interface WatchReport {
  /** Ids of overdue volumes, each once. */
  readonly overdue: readonly string[];
  /** Ids of policies whose schedule or alarm was made good. */
  readonly repaired: readonly string[];
}

/**
 * Publishes at every call the number of overdue volumes, of each policy and in all, also when it is 0; then makes schedules
 * and alarms good. What could not be counted is not published: missing data is an alarm.
 * @throws ProductError Internal when a policy could not be looked at, after all others were
 */
export async function watchBackups(ports: WatchPorts): Promise<WatchReport> {
  const overdue = new Set<string>();
  const failed: unknown[] = [];
  for (const policy of await allPolicies(ports.table)) {
    if (policy.deleting) continue;
    try {
      const found = await overdueVolumes(ports, policy);
      ports.publish(found.length, policy.id);
      for (const volume of found) overdue.add(volume);
      if (found.length > 0)
        ports.log.warn('volumes overdue', { policy: policy.id, volumes: found.slice(0, 100) });
    } catch (error) {
      ports.log.error('policy not watched', { policy: policy.id, error });
      failed.push(error);
    }
  }
  if (failed.length === 0) ports.publish(overdue.size);
  const repaired = await repairPolicies(ports);
  if (failed.length > 0)
    throw new ProductError('Internal', `${failed.length} policies could not be watched.`, {
      cause: failed[0],
    });
  return { overdue: [...overdue], repaired };
}
