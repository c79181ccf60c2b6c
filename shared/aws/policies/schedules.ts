/** What calls for a policy's runs on time. */
export interface PolicySchedule {
  readonly policyId: string;
  /** EventBridge's, such as `cron(0 2 ? * 2-6 *)`. */
  readonly expression: string;
  readonly timezone: string;
  readonly enabled: boolean;
  /** For people who look into the console. */
  readonly description: string;
}

/** Schedules of policies, one each, named by the policy's id. */
export interface Schedules {
  /** Makes it or changes it: afterwards it is as said. */
  put(schedule: PolicySchedule): Promise<void>;
  /** One that is gone is success. */
  remove(policyId: string): Promise<void>;
  /** Every schedule of ours, by the policy's id, and whether it is enabled. */
  list(): Promise<ReadonlyMap<string, boolean>>;
}
