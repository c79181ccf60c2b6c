import { Duration } from 'aws-cdk-lib';
import { Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { metricNames, metricsNamespace, overdueAlarm, watcher } from '#shared/model/metrics.ts';
import type { BackupPolicies } from './backup-policies.ts';
import type { ProductAlarmProps } from './product-alarm.ts';

const quiet = {
  treat: TreatMissingData.NOT_BREACHING,
  because: 'nothing happened, which is fine: without runs there are no data points.',
};
const fiveMinutes: MetricOptions = { period: Duration.minutes(5), statistic: Stats.SUM };

interface OverdueAlarm {
  readonly name: ProductAlarmProps['name'];
  readonly meaning: string;
  readonly metricName: string;
}

/** What watches policies: that runs succeed, and that no volume is without a backup unnoticed. */
export function policyAlarms(policies: BackupPolicies): ProductAlarmProps[] {
  return [...overdueAlarms.map(overdue), ...runAlarms(policies), ...functionAlarms(policies)];
}

function runAlarms({ machine }: BackupPolicies): ProductAlarmProps[] {
  return [
    {
      name: 'hivemind-policy-runs-failed',
      severity: 'high',
      meaning:
        'A run of a backup policy ended without a backup, its copy, or a passed drill, of a volume that should have one.',
      metric: machine.stateMachine.metricFailed(fiveMinutes),
      threshold: 1,
      missingData: quiet,
    },
    {
      name: 'hivemind-policy-runs-timed-out',
      severity: 'high',
      meaning: 'A run of a backup policy was not done after 24 hours; the sweeper starts it again.',
      metric: machine.stateMachine.metricTimedOut(fiveMinutes),
      threshold: 1,
      missingData: quiet,
    },
  ];
}

function functionAlarms({ run, tick, watch, deadLetters }: BackupPolicies): ProductAlarmProps[] {
  return [
    {
      name: 'hivemind-policy-run-errors',
      severity: 'medium',
      meaning:
        'policy-run threw at least 5 times in 5 minutes; each is tried again, but something is persistently wrong.',
      metric: run.metricErrors(fiveMinutes),
      threshold: 5,
      missingData: quiet,
    },
    {
      name: 'hivemind-policy-tick-errors',
      severity: 'medium',
      meaning:
        'policy-tick failed to begin a run of a policy; Lambda tries once more, then it is a dead letter.',
      metric: tick.metricErrors(fiveMinutes),
      threshold: 1,
      missingData: quiet,
    },
    {
      name: 'hivemind-watch-backups-errors',
      severity: 'high',
      meaning:
        'watch-backups failed: nobody knows whether backups are overdue, or schedules are not repaired.',
      metric: watch.metricErrors(fiveMinutes),
      threshold: 1,
      evaluationPeriods: 2,
      missingData: quiet,
    },
    {
      name: 'hivemind-policies-dead-letters',
      severity: 'high',
      meaning: 'A tick of a policy or a watch could not be delivered, or failed for good: a run is missing.',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5) }),
      threshold: 1,
      missingData: quiet,
    },
  ];
}

/** On the totals; each policy has alarms of its own, which the API makes with it. */
const overdueAlarms: readonly OverdueAlarm[] = [
  {
    name: 'hivemind-backups-overdue',
    meaning: 'A volume that a policy selects has no good backup within the objective.',
    metricName: metricNames.overdueVolumes,
  },
  {
    name: 'hivemind-drills-overdue',
    meaning: 'No drill of a volume’s backups has passed in time, or the last one could not be tried.',
    metricName: metricNames.overdueDrills,
  },
  {
    name: 'hivemind-drills-failed',
    meaning: 'A drill of a backup has failed: what was restored is not whole.',
    metricName: metricNames.failedDrills,
  },
];

function overdue({ name, meaning, metricName }: OverdueAlarm): ProductAlarmProps {
  return {
    name,
    severity: 'high',
    meaning,
    metric: new Metric({
      namespace: metricsNamespace,
      metricName,
      dimensionsMap: { service: watcher },
      period: Duration.seconds(overdueAlarm.periodSeconds),
      statistic: overdueAlarm.statistic,
    }),
    threshold: overdueAlarm.threshold,
    evaluationPeriods: overdueAlarm.evaluationPeriods,
    missingData: {
      treat: TreatMissingData.BREACHING,
      because: 'watch-backups did not run, and nobody knows.',
    },
  };
}
