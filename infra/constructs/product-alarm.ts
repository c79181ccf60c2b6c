import { Alarm, ComparisonOperator } from 'aws-cdk-lib/aws-cloudwatch';
import type { IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

/** high: data or service is at risk now. medium: something is broken and people will notice. low: look at it this week. */
export type Severity = 'high' | 'medium' | 'low';

/** Where alarms go and where they point to. */
export interface AlarmContext {
  readonly topic: ITopic;
  /** Address of the published runbook, without a fragment. */
  readonly runbookUrl: string;
}

export interface ProductAlarmProps {
  /** Of the alarm, and of its section in docs/runbook.md. */
  readonly name: `hivemind-${string}`;
  readonly severity: Severity;
  /** What it means, in one sentence for who is woken by it. */
  readonly meaning: string;
  readonly metric: IMetric;
  readonly threshold: number;
  /** @default GREATER_THAN_OR_EQUAL_TO_THRESHOLD */
  readonly comparison?: ComparisonOperator;
  /** @default 1 */
  readonly evaluationPeriods?: number;
  /** What no data points mean here, and why; shown in the alarm's description. */
  readonly missingData: { readonly treat: TreatMissingData; readonly because: string };
}

/** The one way an alarm is made: named, graded, linked to its runbook section, clear about missing data. */
export class ProductAlarm extends Alarm {
  readonly severity: Severity;
  /** As in CloudWatch; plain text, where `alarmName` is a reference that would tie stacks together. */
  readonly plainName: string;

  constructor(scope: Construct, { topic, runbookUrl }: AlarmContext, props: ProductAlarmProps) {
    const { name, severity, meaning, missingData } = props;
    super(scope, name, {
      alarmName: name,
      alarmDescription: [
        `[${severity}] ${meaning}`,
        `Runbook: ${runbookUrl}#${name}`,
        `No data: ${missingData.because}`,
      ].join('\n'),
      metric: props.metric,
      threshold: props.threshold,
      comparisonOperator: props.comparison ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: props.evaluationPeriods ?? 1,
      treatMissingData: missingData.treat,
    });
    this.severity = severity;
    this.plainName = name;
    this.addAlarmAction(new SnsAction(topic));
    this.addOkAction(new SnsAction(topic));
  }
}
