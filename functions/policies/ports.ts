import type { RunExecutions } from '#shared/aws/executions.ts';
import type { PolicyAlarms } from '#shared/aws/policies/alarms.ts';
import type { Schedules } from '#shared/aws/policies/schedules.ts';
import type { Ports } from '#functions/volumes/ports.ts';

/** What the use cases of policies need of the world. */
export interface PolicyPorts extends Ports {
  readonly schedules: Schedules;
  readonly alarms: PolicyAlarms;
  readonly runs: Pick<RunExecutions, 'start'>;
}

/** What beginning a run needs. */
export type RunStarter = Pick<PolicyPorts, 'table' | 'clock' | 'log' | 'runs'>;
/** What changing schedule and alarm needs. */
export type PolicyKeeper = Pick<PolicyPorts, 'table' | 'clock' | 'log' | 'newId' | 'schedules' | 'alarms'>;
