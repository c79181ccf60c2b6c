/** Namespace of every metric that the functions publish; each has the dimension `service`, the function's name. */
export const metricsNamespace = 'HivemindVolumes';

/** Their names, in one place for who publishes, who alarms and the dashboard. All are counts. */
export const metricNames = {
  /** API functions, per request: a success; a refusal (4xx, 501); a failure of ours (5xx). */
  answered: 'Answered',
  refused: 'Refused',
  failed: 'Failed',
  /** Sweeper, each sweep: volumes in EC2 with our tag and no record. Reported, never deleted. */
  leakedVolumes: 'LeakedVolumes',
  /** Sweeper, once an hour: snapshots and access points in AWS with our tag, and recovery points in our vault, without a record. Reported, never deleted. */
  leftovers: 'Leftovers',
  /** Sweeper, each sweep: unfinished operations that have made no progress for 15 minutes. */
  stuckOperations: 'StuckOperations',
  /** Sweeper: executions started for operations that had none running. */
  restartedOperations: 'RestartedOperations',
  /** watch-backups, each time: volumes that a policy selects and that have no good backup within its objective, each once. */
  overdueVolumes: 'OverdueVolumes',
  /** The same of one policy, with the dimension `policy`, its id. */
  overdueVolumesOfPolicy: 'OverdueVolumesOfPolicy',
} as const;

/** The function that publishes what is overdue. */
export const watcher = 'watch-backups';

/** Dimensions of what is published of one policy: who publishes and who alarms have them from here. */
export function policyDimensions(policyId: string): Readonly<Record<'service' | 'policy', string>> {
  return { service: watcher, policy: policyId };
}

/** Names of policies' alarms are this and the policy's id. */
export const policyAlarmPrefix = 'hivemind-overdue-';

/** The alarm on overdue volumes, the stack's and each policy's: three periods, since a period may fall between two runs. */
export const overdueAlarm = {
  statistic: 'Maximum',
  periodSeconds: 300,
  evaluationPeriods: 3,
  threshold: 1,
  missingData: 'breaching',
} as const;
