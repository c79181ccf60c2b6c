/** Whose alarm: it stands on the policy's own datapoint, which `watch-backups` publishes. */
export interface WatchedPolicy {
  readonly policyId: string;
  readonly name: string;
  readonly namespace: string;
}

/** Alarms of policies, one each: a selected volume is overdue, or nobody says that none is. */
export interface PolicyAlarms {
  /** Makes it or changes it: afterwards it is as said. */
  put(policy: WatchedPolicy): Promise<void>;
  /** One that is gone is success. */
  remove(policyId: string): Promise<void>;
  /** Ids of the policies that have one. */
  list(): Promise<ReadonlySet<string>>;
}
