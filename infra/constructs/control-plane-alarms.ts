import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { metricNames, metricsNamespace } from '#shared/model/metrics.ts';
import type { ControlPlaneStack } from '../stacks/control-plane.stack.ts';
import { policyAlarms } from './policy-alarms.ts';
import { ProductAlarm } from './product-alarm.ts';
import type { AlarmContext, ProductAlarmProps } from './product-alarm.ts';

/** What the alarms watch. */
export type Watched = Pick<
  ControlPlaneStack,
  'api' | 'functions' | 'workers' | 'operation' | 'sweeper' | 'hostEvents' | 'policies'
>;

const quiet = {
  treat: TreatMissingData.NOT_BREACHING,
  because: 'nothing happened, which is fine: without calls there are no data points.',
};
const fiveMinutes: MetricOptions = { period: Duration.minutes(5), statistic: Stats.SUM };

/** Every alarm that watches one metric; those over several are in the observability stack. */
export class ControlPlaneAlarms extends Construct {
  readonly alarms: readonly ProductAlarm[];

  constructor(
    scope: Construct,
    id: string,
    { watched, context }: { watched: Watched; context: AlarmContext },
  ) {
    super(scope, id);
    this.alarms = [
      ...apiAlarms(watched),
      ...workAlarms(watched),
      ...sweeperAlarms(watched),
      ...findingAlarms(),
      ...hostEventAlarms(watched),
      ...policyAlarms(watched.policies),
    ].map((props) => new ProductAlarm(this, context, props));
  }
}

function apiAlarms({ api, functions }: Watched): ProductAlarmProps[] {
  return [
    {
      name: 'hivemind-api-server-errors',
      severity: 'high',
      meaning: 'The API answered with 5xx at least 5 times in 5 minutes.',
      metric: api.stage.metricServerError(fiveMinutes),
      threshold: 5,
      missingData: quiet,
    },
    {
      name: 'hivemind-volumes-api-errors',
      severity: 'medium',
      meaning:
        'volumes-api ended without an answer: it answers every error that it knows, so this is a bug or a time-out.',
      metric: functions.volumes.metricErrors(fiveMinutes),
      threshold: 1,
      missingData: quiet,
    },
    {
      name: 'hivemind-backups-api-errors',
      severity: 'medium',
      meaning:
        'backups-api ended without an answer: it answers every error that it knows, so this is a bug or a time-out.',
      metric: functions.backups.metricErrors(fiveMinutes),
      threshold: 1,
      missingData: quiet,
    },
    {
      name: 'hivemind-hosts-api-errors',
      severity: 'medium',
      meaning:
        'hosts-api ended without an answer: it answers every error that it knows, so this is a bug or a time-out.',
      metric: functions.hosts.metricErrors(fiveMinutes),
      threshold: 1,
      missingData: quiet,
    },
  ];
}

function workAlarms({ workers, operation }: Watched): ProductAlarmProps[] {
  return [
    {
      name: 'hivemind-ebs-worker-errors',
      severity: 'medium',
      meaning:
        'ebs-worker threw at least 5 times in 5 minutes; each is tried again, but something is persistently wrong.',
      metric: workers.ebsWorker.metricErrors(fiveMinutes),
      threshold: 5,
      missingData: quiet,
    },
    {
      name: 'hivemind-efs-worker-errors',
      severity: 'medium',
      meaning:
        'efs-worker threw at least 5 times in 5 minutes; each is tried again, but something is persistently wrong.',
      metric: workers.efsWorker.metricErrors(fiveMinutes),
      threshold: 5,
      missingData: quiet,
    },
    {
      name: 'hivemind-backup-worker-errors',
      severity: 'medium',
      meaning:
        'backup-worker threw at least 5 times in 5 minutes; each is tried again, but something is persistently wrong.',
      metric: workers.backupWorker.metricErrors(fiveMinutes),
      threshold: 5,
      missingData: quiet,
    },
    {
      name: 'hivemind-operations-failed',
      severity: 'medium',
      meaning: 'An operation on a volume ended in failure; its record says why.',
      metric: operation.stateMachine.metricFailed(fiveMinutes),
      threshold: 1,
      missingData: quiet,
    },
    {
      name: 'hivemind-operations-timed-out',
      severity: 'high',
      meaning: 'An operation was not done after 6 hours; the sweeper starts it again.',
      metric: operation.stateMachine.metricTimedOut(fiveMinutes),
      threshold: 1,
      missingData: quiet,
    },
  ];
}

function sweeperAlarms({ sweeper }: Watched): ProductAlarmProps[] {
  return [
    {
      name: 'hivemind-sweeper-silent',
      severity: 'high',
      meaning: 'No sweep for 10 minutes: what a crash leaves is not finished, and due purges wait.',
      metric: sweeper.sweep.metricInvocations({ period: Duration.minutes(5), statistic: Stats.SUM }),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 2,
      missingData: {
        treat: TreatMissingData.BREACHING,
        because: 'a function that is not called has no data points, and that is what this alarm is for.',
      },
    },
    {
      name: 'hivemind-sweeper-dead-letters',
      severity: 'medium',
      meaning: 'A sweep failed twice, or the scheduler could not call the sweeper.',
      metric: sweeper.deadLetters.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5) }),
      threshold: 1,
      missingData: quiet,
    },
  ];
}

/** What the sweeper found, by the metrics that it publishes. */
function findingAlarms(): ProductAlarmProps[] {
  const reported = (metricName: string) =>
    new Metric({
      namespace: metricsNamespace,
      metricName,
      dimensionsMap: { service: 'sweeper' },
      period: Duration.minutes(5),
      statistic: Stats.MAXIMUM,
    });
  const silent = {
    treat: TreatMissingData.NOT_BREACHING,
    because: 'the sweeper did not run, which hivemind-sweeper-silent reports.',
  };
  return [
    {
      name: 'hivemind-operations-stuck',
      severity: 'high',
      meaning: 'An unfinished operation has made no progress for 15 minutes.',
      metric: reported(metricNames.stuckOperations),
      threshold: 1,
      missingData: silent,
    },
    {
      name: 'hivemind-volumes-leaked',
      severity: 'low',
      meaning:
        'EC2 has volumes with our tag that no record knows. They cost money; only a person may delete them.',
      metric: reported(metricNames.leakedVolumes),
      threshold: 1,
      evaluationPeriods: 3,
      missingData: silent,
    },
    {
      name: 'hivemind-leftovers',
      severity: 'low',
      meaning:
        'There are snapshots or access points with our tag that no record knows. Only a person may delete them.',
      metric: reported(metricNames.leftovers).with({ period: Duration.hours(1) }),
      threshold: 1,
      evaluationPeriods: 2,
      missingData: silent,
    },
  ];
}

function hostEventAlarms({ hostEvents }: Watched): ProductAlarmProps[] {
  return [
    {
      name: 'hivemind-host-events-dead-letters',
      severity: 'medium',
      meaning:
        'EC2 said that an instance started, stopped or went, and host-events failed five times to take note.',
      metric: hostEvents.work.deadLetters.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(5),
      }),
      threshold: 1,
      missingData: quiet,
    },
    {
      name: 'hivemind-host-events-delayed',
      severity: 'medium',
      meaning: 'Events about instances have waited for more than 5 minutes.',
      metric: hostEvents.work.queue.metricApproximateAgeOfOldestMessage({
        period: Duration.minutes(5),
        statistic: Stats.MAXIMUM,
      }),
      threshold: 300,
      missingData: quiet,
    },
  ];
}
