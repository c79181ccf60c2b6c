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
  /** Sweeper, once an hour: snapshots and access points in AWS with our tag and no record. Reported, never deleted. */
  leftovers: 'Leftovers',
  /** Sweeper, each sweep: unfinished operations that have made no progress for 15 minutes. */
  stuckOperations: 'StuckOperations',
  /** Sweeper: executions started for operations that had none running. */
  restartedOperations: 'RestartedOperations',
} as const;
