import type { PolicyAlarm } from '#shared/model/metrics.ts';

/** Whose alarms: they stand on the policy's own datapoints, which `watch-backups` publishes. */
export interface WatchedPolicy {
  readonly policyId: string;
  readonly name: string;
  readonly namespace: string;
}

/** Alarms of policies: a selected volume or its drill is overdue, a drill has failed, or nobody says that none is. */
export interface PolicyAlarms {
  /** Makes, changes and removes: afterwards it has exactly these. */
  put(policy: WatchedPolicy, alarms: readonly PolicyAlarm[]): Promise<void>;
  /** All of a policy. One that is gone is success. */
  remove(policyId: string): Promise<void>;
  /** Policies that have any, by their ids, and which. */
  list(): Promise<ReadonlyMap<string, ReadonlySet<PolicyAlarm>>>;
}
