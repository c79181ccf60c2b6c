import { Duration, Stack } from 'aws-cdk-lib';
import type { StackProps } from 'aws-cdk-lib';
import {
  AlarmRule,
  AlarmState,
  CompositeAlarm,
  MathExpression,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IAlarm, IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Construct } from 'constructs';
import { ProductAlarm } from '../constructs/product-alarm.ts';
import { ProductDashboard } from '../constructs/product-dashboard.ts';
import type { ControlPlaneStack } from './control-plane.stack.ts';

export interface ObservabilityStackProps extends StackProps {
  readonly controlPlane: ControlPlaneStack;
}

const period = Duration.minutes(5);

/**
 * What watches several metrics or alarms at once, and the dashboard. Apart from the control plane because the local
 * cloud's emulator refuses metric math and composite alarms, and because nothing depends on it.
 */
export class ObservabilityStack extends Stack {
  readonly alarms: readonly ProductAlarm[];
  readonly composite: CompositeAlarm;

  constructor(scope: Construct, id: string, { controlPlane, ...props }: ObservabilityStackProps) {
    super(scope, id, {
      description: 'Hivemind Volumes: dashboard and alarms over several metrics',
      ...props,
    });
    this.alarms = [this.errorRate(controlPlane), this.throttles(controlPlane)];
    const all = [...controlPlane.alarms.alarms, ...this.alarms];
    this.composite = this.unhealthy(controlPlane, all);
    new ProductDashboard(this, 'Dashboard', { controlPlane, alarms: all });
  }

  private errorRate({ api, alarmContext }: ControlPlaneStack): ProductAlarm {
    return new ProductAlarm(this, alarmContext, {
      name: 'hivemind-api-error-rate',
      severity: 'high',
      meaning: 'More than 1 % of the calls of 15 minutes were answered with 5xx.',
      metric: new MathExpression({
        expression: 'IF(calls > 20, 100 * errors / calls, 0)',
        usingMetrics: {
          errors: api.stage.metricServerError({ period, statistic: Stats.SUM }),
          calls: api.stage.metricCount({ period, statistic: Stats.SAMPLE_COUNT }),
        },
        label: '5xx, % of calls',
        period,
      }),
      threshold: 1,
      evaluationPeriods: 3,
      missingData: {
        treat: TreatMissingData.NOT_BREACHING,
        because: 'nobody called.',
      },
    });
  }

  private throttles({ productFunctions, alarmContext }: ControlPlaneStack): ProductAlarm {
    const throttles = productFunctions.map((fn, index) => [
      `throttles${index}`,
      fn.metricThrottles({ period, statistic: Stats.SUM }),
    ]);
    return new ProductAlarm(this, alarmContext, {
      name: 'hivemind-functions-throttled',
      severity: 'high',
      meaning: 'Lambda refused to run our functions: the account is at its concurrency limit.',
      metric: new MathExpression({
        expression: 'SUM(METRICS())',
        usingMetrics: Object.fromEntries(throttles) as Record<string, IMetric>,
        label: 'throttled calls',
        period,
      }),
      threshold: 1,
      evaluationPeriods: 2,
      missingData: { treat: TreatMissingData.NOT_BREACHING, because: 'nothing was called.' },
    });
  }

  private unhealthy({ alarmContext }: ControlPlaneStack, alarms: readonly ProductAlarm[]): CompositeAlarm {
    const high = alarms.filter((alarm) => alarm.severity === 'high');
    const name = 'hivemind-unhealthy';
    const composite = new CompositeAlarm(this, name, {
      compositeAlarmName: name,
      alarmDescription: [
        '[high] At least one high alarm is on: page on this one, read the others.',
        `Runbook: ${alarmContext.runbookUrl}#${name}`,
        'No data: composites follow their alarms, each of which says what missing data means.',
      ].join('\n'),
      alarmRule: AlarmRule.anyOf(
        ...high.map((alarm) => AlarmRule.fromAlarm(alarm as IAlarm, AlarmState.ALARM)),
      ),
    });
    composite.addAlarmAction(new SnsAction(alarmContext.topic));
    return composite;
  }
}
