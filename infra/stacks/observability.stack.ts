import { Duration, Stack } from 'aws-cdk-lib';
import type { StackProps } from 'aws-cdk-lib';
import {
  Alarm,
  AlarmRule,
  AlarmState,
  CompositeAlarm,
  MathExpression,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { IAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Function } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { functions } from '#shared/model/environment.ts';
import type { FunctionName } from '#shared/model/environment.ts';
import { ProductAlarm } from '../constructs/product-alarm.ts';
import type { ProductAlarmProps } from '../constructs/product-alarm.ts';
import { ProductDashboard } from '../constructs/product-dashboard.ts';
import { functionName } from '../constructs/product-function.ts';
import type { ControlPlaneStack } from './control-plane.stack.ts';

export interface ObservabilityStackProps extends StackProps {
  readonly controlPlane: ControlPlaneStack;
}

const period = Duration.minutes(5);

/** Functions that schedules, queues and runs of policies call: nobody waits for them. */
const background: ReadonlySet<FunctionName> = new Set([
  'sweeper',
  'host-events',
  'policy-tick',
  'policy-run',
  'watch-backups',
]);

function throttled(metric: MathExpression): Omit<ProductAlarmProps, 'name'> {
  return {
    severity: 'high',
    meaning: 'Lambda refused to run our functions: the account is at its concurrency limit.',
    metric,
    threshold: 1,
    evaluationPeriods: 2,
    missingData: { treat: TreatMissingData.NOT_BREACHING, because: 'nothing was called.' },
  };
}

/**
 * What watches several metrics or alarms at once, and the dashboard. Apart from the control plane because the local
 * cloud's emulator refuses metric math and composite alarms, and because nothing depends on it. It names functions and
 * alarms rather than importing them: an export in use would keep the control plane from ever dropping one.
 */
export class ObservabilityStack extends Stack {
  readonly alarms: readonly ProductAlarm[];

  constructor(scope: Construct, id: string, { controlPlane, ...props }: ObservabilityStackProps) {
    super(scope, id, {
      description: 'Hivemind Volumes: dashboard and alarms over several metrics',
      ...props,
    });
    const named = Object.keys(functions).map((name) =>
      Function.fromFunctionName(this, name, functionName(name as FunctionName)),
    );
    this.alarms = [this.errorRate(controlPlane), ...this.throttles(controlPlane)];
    const everyAlarm = [...controlPlane.alarms.alarms, ...this.alarms].map(({ plainName, severity }) => ({
      severity,
      alarm: Alarm.fromAlarmName(this, `Named-${plainName}`, plainName),
    }));
    this.unhealthy(
      controlPlane,
      everyAlarm.filter(({ severity }) => severity === 'high').map(({ alarm }) => alarm),
    );
    new ProductDashboard(this, 'Dashboard', {
      alarms: everyAlarm.map(({ alarm }) => alarm),
      functions: named,
      stage: controlPlane.api.stage,
    });
    this.addStackDependency(controlPlane, 'What is watched exists first.');
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
      missingData: { treat: TreatMissingData.NOT_BREACHING, because: 'nobody called.' },
    });
  }

  /** An alarm takes ten metrics at most, so there are two: of what somebody waits for, and of what runs by itself. */
  private throttles({ alarmContext }: ControlPlaneStack): ProductAlarm[] {
    const all = Object.keys(functions) as FunctionName[];
    return [
      new ProductAlarm(this, alarmContext, {
        ...throttled(this.throttlesOf(all.filter((name) => !background.has(name)))),
        name: 'hivemind-functions-throttled',
      }),
      new ProductAlarm(this, alarmContext, {
        ...throttled(this.throttlesOf(all.filter((name) => background.has(name)))),
        name: 'hivemind-background-throttled',
      }),
    ];
  }

  private throttlesOf(names: readonly FunctionName[]): MathExpression {
    const metrics = names.map((name, index) => {
      const fn = Function.fromFunctionName(this, `Throttled-${name}`, functionName(name));
      return [`throttles${index}`, fn.metricThrottles({ period, statistic: Stats.SUM })] as const;
    });
    return new MathExpression({
      expression: 'SUM(METRICS())',
      usingMetrics: Object.fromEntries(metrics),
      label: 'throttled calls',
      period,
    });
  }

  private unhealthy({ alarmContext }: ControlPlaneStack, high: readonly IAlarm[]): void {
    const name = 'hivemind-unhealthy';
    const composite = new CompositeAlarm(this, name, {
      compositeAlarmName: name,
      alarmDescription: [
        '[high] At least one high alarm is on: page on this one, read the others.',
        `Runbook: ${alarmContext.runbookUrl}#${name}`,
        'No data: it follows its alarms, each of which says what missing data means.',
      ].join('\n'),
      alarmRule: AlarmRule.anyOf(...high.map((alarm) => AlarmRule.fromAlarm(alarm, AlarmState.ALARM))),
    });
    composite.addAlarmAction(new SnsAction(alarmContext.topic));
    composite.node.addDependency(...this.alarms);
  }
}
