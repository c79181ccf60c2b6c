import type { PolicyAlarms, WatchedPolicy } from '#shared/aws/policies/alarms.ts';
import type { PolicySchedule, Schedules } from '#shared/aws/policies/schedules.ts';
import type { PolicyAlarm } from '#shared/model/metrics.ts';
import type { PolicyPorts } from '#functions/policies/ports.ts';

type Effect = 'putSchedule' | 'removeSchedule' | 'putAlarm' | 'removeAlarm' | 'startRun';

/**
 * Schedules, alarms and executions of policies in memory. `around` stands around each change: it may fail before it or
 * after it, as a call does whose answer is lost.
 */
export class FakePolicyParts {
  readonly schedules = new Map<string, PolicySchedule>();
  readonly alarms = new Map<string, { policy: WatchedPolicy; alarms: ReadonlySet<PolicyAlarm> }>();
  /** Names of executions of runs, each once. */
  readonly startedRuns: string[] = [];
  around: (effect: Effect, perform: () => void) => Promise<void> = (_effect, perform) =>
    Promise.resolve(perform());

  get ports(): Pick<PolicyPorts, 'schedules' | 'alarms' | 'runs'> {
    const schedules: Schedules = {
      put: (schedule) =>
        this.around('putSchedule', () => void this.schedules.set(schedule.policyId, schedule)),
      remove: (id) => this.around('removeSchedule', () => void this.schedules.delete(id)),
      list: () => Promise.resolve(new Map([...this.schedules].map(([id, { enabled }]) => [id, enabled]))),
    };
    const alarms: PolicyAlarms = {
      put: (policy, alarms) =>
        this.around(
          'putAlarm',
          () => void this.alarms.set(policy.policyId, { policy, alarms: new Set(alarms) }),
        ),
      remove: (id) => this.around('removeAlarm', () => void this.alarms.delete(id)),
      list: () => Promise.resolve(new Map([...this.alarms].map(([id, { alarms: set }]) => [id, set]))),
    };
    const runs: PolicyPorts['runs'] = {
      start: (name) =>
        this.around('startRun', () => {
          if (!this.startedRuns.includes(name)) this.startedRuns.push(name);
        }),
    };
    return { schedules, alarms, runs };
  }
}
