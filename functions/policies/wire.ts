import type { PolicyAlarms } from '#shared/aws/policies/alarms.ts';
import type { Schedules } from '#shared/aws/policies/schedules.ts';

interface Wiring {
  readonly SCHEDULE_GROUP: string;
  readonly TICK_FUNCTION_ARN: string;
  readonly SCHEDULE_ROLE_ARN: string;
  readonly TICK_DEAD_LETTERS_ARN: string;
  readonly ALARM_TOPIC_ARN: string;
  readonly RUNBOOK_URL: string;
}

/** Schedules and alarms over AWS; few calls need their clients, so the first that does loads them. */
export function wireKeeper(environment: Wiring): {
  readonly schedules: Schedules;
  readonly alarms: PolicyAlarms;
} {
  const schedules = once(async () => {
    const { SchedulerSchedules } = await import('#shared/aws/policies/scheduler-schedules.ts');
    return new SchedulerSchedules({
      group: environment.SCHEDULE_GROUP,
      tickFunctionArn: environment.TICK_FUNCTION_ARN,
      roleArn: environment.SCHEDULE_ROLE_ARN,
      deadLettersArn: environment.TICK_DEAD_LETTERS_ARN,
    });
  });
  const alarms = once(async () => {
    const { CloudWatchPolicyAlarms } = await import('#shared/aws/policies/cloudwatch-alarms.ts');
    return new CloudWatchPolicyAlarms({
      topicArn: environment.ALARM_TOPIC_ARN,
      runbookUrl: environment.RUNBOOK_URL,
    });
  });
  return {
    schedules: {
      put: async (schedule) => (await schedules()).put(schedule),
      remove: async (policyId) => (await schedules()).remove(policyId),
      list: async () => (await schedules()).list(),
    },
    alarms: {
      put: async (policy, which) => (await alarms()).put(policy, which),
      remove: async (policyId) => (await alarms()).remove(policyId),
      list: async () => (await alarms()).list(),
    },
  };
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => (loaded ??= load());
}
