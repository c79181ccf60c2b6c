import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
} from '@aws-sdk/client-cloudwatch';
import {
  metricNames,
  metricsNamespace,
  overdueAlarm,
  policyAlarmPrefix,
  policyDimensions,
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

  async put(policy: WatchedPolicy): Promise<void> {
    await doing('set an alarm', () =>
      this.#client.send(new PutMetricAlarmCommand(policyAlarm(policy, this.#settings))),
    );
  }

  async remove(policyId: string): Promise<void> {
    const AlarmNames = [`${policyAlarmPrefix}${policyId}`];
    await doing('remove an alarm', () => this.#client.send(new DeleteAlarmsCommand({ AlarmNames })));
  }

  async list(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (let NextToken: string | undefined; ;) {
      const page = await doing('list alarms', () =>
        this.#client.send(
          new DescribeAlarmsCommand({ AlarmNamePrefix: policyAlarmPrefix, MaxRecords: 100, NextToken }),
        ),
      );
      for (const { AlarmName = '' } of page.MetricAlarms ?? [])
        found.add(AlarmName.slice(policyAlarmPrefix.length));
      if (page.NextToken === undefined || page.NextToken === NextToken) return found;
      NextToken = page.NextToken;
    }
  }
}

/** The request behind a policy's alarm: on exactly the datapoint that is published for it, with silence as an alarm. */
function policyAlarm(
  policy: WatchedPolicy,
  { topicArn, runbookUrl }: AlarmSettings,
): PutMetricAlarmCommandInput {
  return {
    AlarmName: `${policyAlarmPrefix}${policy.policyId}`,
    AlarmDescription: [
      `[high] A volume of policy "${policy.name}" in namespace "${policy.namespace}" has no good backup within the objective.`,
      `Runbook: ${runbookUrl}#hivemind-backups-overdue`,
      'No data: watch-backups did not run, and nobody knows.',
    ].join('\n'),
    Namespace: metricsNamespace,
    MetricName: metricNames.overdueVolumesOfPolicy,
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
