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
  /** watch-backups, each time: volumes of policies with drills of which none has passed in time, or the last could not be tried. */
  overdueDrills: 'OverdueDrills',
  overdueDrillsOfPolicy: 'OverdueDrillsOfPolicy',
  /** watch-backups, each time: volumes of policies whose last drill has failed. */
  failedDrills: 'FailedDrills',
  failedDrillsOfPolicy: 'FailedDrillsOfPolicy',
} as const;

/** The function that publishes what is overdue. */
export const watcher = 'watch-backups';

/** Dimensions of what is published of one policy: who publishes and who alarms have them from here. */
export function policyDimensions(policyId: string): Readonly<Record<'service' | 'policy', string>> {
  return { service: watcher, policy: policyId };
}

/** What `watch-backups` has counted: in all, or of one policy. Without drills there is no word on them. */
export interface OverdueCounts {
  readonly overdueVolumes: number;
  readonly overdueDrills?: number;
  readonly failedDrills?: number;
}

/** A policy's own alarms, one on each count of its own. */
export const policyAlarms = ['volumes', 'drills', 'failed-drills'] as const;
export type PolicyAlarm = (typeof policyAlarms)[number];

/** Which ones a policy has. */
export function alarmsOf({ drill }: { readonly drill?: string | undefined }): readonly PolicyAlarm[] {
  return drill === undefined ? ['volumes'] : policyAlarms;
}

/** The metric that each stands on. */
export const policyAlarmMetrics: Readonly<Record<PolicyAlarm, string>> = {
  volumes: metricNames.overdueVolumesOfPolicy,
  drills: metricNames.overdueDrillsOfPolicy,
  'failed-drills': metricNames.failedDrillsOfPolicy,
};

/** Names of policies' alarms are this, the policy's id, and what it is on where that is not its volumes. */
export const policyAlarmPrefix = 'hivemind-overdue-';

export function policyAlarmName(policyId: string, alarm: PolicyAlarm): string {
  return `${policyAlarmPrefix}${policyId}${alarm === 'volumes' ? '' : `-${alarm}`}`;
}

/** Whose an alarm is, and on what, by its name. */
export function readPolicyAlarmName(name: string): {
  readonly policyId: string;
  readonly alarm: PolicyAlarm;
} {
  const rest = name.slice(policyAlarmPrefix.length);
  const alarm = policyAlarms.findLast((one) => rest.endsWith(`-${one}`)) ?? 'volumes';
  return { policyId: alarm === 'volumes' ? rest : rest.slice(0, -alarm.length - 1), alarm };
}

/** The alarms on overdue volumes, overdue drills and failed drills, the stack's and each policy's: three periods, since a period may fall between two runs. */
export const overdueAlarm = {
  statistic: 'Maximum',
  periodSeconds: 300,
  evaluationPeriods: 3,
  threshold: 1,
  missingData: 'breaching',
} as const;
