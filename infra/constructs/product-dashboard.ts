import { AlarmStatusWidget, Dashboard, GraphWidget, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IAlarm, IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { metricNames, metricsNamespace } from '#shared/model/metrics.ts';
import type { ControlPlaneStack } from '../stacks/control-plane.stack.ts';
import type { ProductAlarm } from './product-alarm.ts';

export interface ProductDashboardProps {
  readonly controlPlane: ControlPlaneStack;
  readonly alarms: readonly ProductAlarm[];
}

/** What an operator looks at first: alarms, calls, functions, operations. */
export class ProductDashboard extends Dashboard {
  constructor(scope: Construct, id: string, { controlPlane, alarms }: ProductDashboardProps) {
    super(scope, id, {
      dashboardName: 'HivemindVolumes',
      widgets: [
        // The CDK's own Alarm is no IAlarm under exactOptionalPropertyTypes.
        [
          new AlarmStatusWidget({
            title: 'Alarms',
            alarms: alarms as unknown as IAlarm[],
            width: 24,
            height: 4,
          }),
        ],
        callWidgets(controlPlane),
        functionWidgets(controlPlane),
        operationWidgets(controlPlane),
      ],
    });
  }
}

function graph(title: string, left: Metric[]): IWidget {
  return new GraphWidget({ title, left, width: 12, height: 6 });
}

function callWidgets({ api: { stage } }: ControlPlaneStack): IWidget[] {
  return [
    graph('Calls', [stage.metricCount(), stage.metricClientError(), stage.metricServerError()]),
    graph('Latency', [
      stage.metricLatency({ statistic: Stats.p(50) }),
      stage.metricLatency({ statistic: Stats.p(99) }),
    ]),
  ];
}

function functionWidgets({ productFunctions }: ControlPlaneStack): IWidget[] {
  return [
    graph(
      'Function errors',
      productFunctions.map((fn) => fn.metricErrors()),
    ),
    graph(
      'Function duration, 99th percentile',
      productFunctions.map((fn) => fn.metricDuration({ statistic: Stats.p(99) })),
    ),
  ];
}

function operationWidgets({ operation: { stateMachine } }: ControlPlaneStack): IWidget[] {
  const swept = Object.values(metricNames).map(
    (metricName) =>
      new Metric({
        namespace: metricsNamespace,
        metricName,
        dimensionsMap: { service: 'sweeper' },
        statistic: Stats.MAXIMUM,
      }),
  );
  return [
    graph('Operations', [
      stateMachine.metricStarted(),
      stateMachine.metricSucceeded(),
      stateMachine.metricFailed(),
    ]),
    graph('Found by the sweeper', swept),
  ];
}
