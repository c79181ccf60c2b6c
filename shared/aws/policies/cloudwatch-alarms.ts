import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
} from '@aws-sdk/client-cloudwatch';
import {
  metricsNamespace,
  overdueAlarm,
  policyAlarmMetrics,
  policyAlarmName,
  policyAlarmPrefix,
  policyAlarms,
  policyDimensions,
  readPolicyAlarmName,
  type PolicyAlarm,
} from '#shared/model/metrics.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { doing } from '../ec2/calls.ts';
import type { PolicyAlarms, WatchedPolicy } from './alarms.ts';

export interface AlarmSettings {
  readonly topicArn: string;
  readonly runbookUrl: string;
}

/** Alarms of policies in CloudWatch. */
export class CloudWatchPolicyAlarms implements PolicyAlarms {
  readonly #settings: AlarmSettings;
  readonly #client: CloudWatchClient;

  constructor(settings: AlarmSettings, client: CloudWatchClient = cloudWatchClient()) {
    this.#settings = settings;
    this.#client = client;
  }

  async put(policy: WatchedPolicy, alarms: readonly PolicyAlarm[]): Promise<void> {
    for (const alarm of alarms)
      await doing('set an alarm', () =>
        this.#client.send(new PutMetricAlarmCommand(requestOf(alarm, policy, this.#settings))),
      );
    const rest = policyAlarms.filter((alarm) => !alarms.includes(alarm));
    if (rest.length > 0) await this.#delete(policy.policyId, rest);
  }

  remove(policyId: string): Promise<void> {
    return this.#delete(policyId, policyAlarms);
  }

  async #delete(policyId: string, alarms: readonly PolicyAlarm[]): Promise<void> {
    for (const alarm of alarms) {
      const AlarmNames = [policyAlarmName(policyId, alarm)];
      await doing('remove an alarm', () => this.#client.send(new DeleteAlarmsCommand({ AlarmNames })));
    }
  }

  async list(): Promise<ReadonlyMap<string, ReadonlySet<PolicyAlarm>>> {
    const found = new Map<string, Set<PolicyAlarm>>();
    for (let NextToken: string | undefined; ;) {
      const page = await doing('list alarms', () =>
        this.#client.send(
          new DescribeAlarmsCommand({ AlarmNamePrefix: policyAlarmPrefix, MaxRecords: 100, NextToken }),
        ),
      );
      for (const { AlarmName = '' } of page.MetricAlarms ?? []) {
        const { policyId, alarm } = readPolicyAlarmName(AlarmName);
        found.set(policyId, (found.get(policyId) ?? new Set()).add(alarm));
      }
      if (page.NextToken === undefined || page.NextToken === NextToken) return found;
      NextToken = page.NextToken;
    }
  }
}

/** What an alarm says, and the stack's alarm whose section of the runbook it shares. */
const words: Readonly<Record<PolicyAlarm, { readonly says: string; readonly section: string }>> = {
  volumes: { says: 'has no good backup within the objective', section: 'hivemind-backups-overdue' },
  drills: { says: 'has backups of which no drill has passed in time', section: 'hivemind-drills-overdue' },
  'failed-drills': { says: 'has a backup whose drill has failed', section: 'hivemind-drills-failed' },
};

/** The request behind a policy's alarm: on exactly the datapoint that is published for it, with silence as an alarm. */
function requestOf(
  alarm: PolicyAlarm,
  policy: WatchedPolicy,
  { topicArn, runbookUrl }: AlarmSettings,
): PutMetricAlarmCommandInput {
  return {
    AlarmName: policyAlarmName(policy.policyId, alarm),
    AlarmDescription: [
      `[high] A volume of policy "${policy.name}" in namespace "${policy.namespace}" ${words[alarm].says}.`,
      `Runbook: ${runbookUrl}#${words[alarm].section}`,
      'No data: watch-backups did not run, and nobody knows.',
    ].join('\n'),
    Namespace: metricsNamespace,
    MetricName: policyAlarmMetrics[alarm],
    Dimensions: Object.entries(policyDimensions(policy.policyId)).map(([Name, Value]) => ({ Name, Value })),
    Statistic: overdueAlarm.statistic,
    Period: overdueAlarm.periodSeconds,
    EvaluationPeriods: overdueAlarm.evaluationPeriods,
    DatapointsToAlarm: overdueAlarm.evaluationPeriods,
    Threshold: overdueAlarm.threshold,
    ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    TreatMissingData: overdueAlarm.missingData,
    ActionsEnabled: true,
    AlarmActions: [topicArn],
    OKActions: [topicArn],
    // CloudWatch takes them when it makes the alarm, and passes over them when it changes one.
    Tags: [{ Key: tagKeys.product, Value: productTagValue }],
  };
}

function cloudWatchClient(): CloudWatchClient {
  const requestHandler = { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true };
  return new CloudWatchClient({ maxAttempts: 3, requestHandler });
}
