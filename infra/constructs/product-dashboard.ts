import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { HttpStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { AlarmStatusWidget, Dashboard, GraphWidget, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IAlarm, IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { metricNames, metricsNamespace } from '#shared/model/metrics.ts';
import { operationMachineName } from './volume-operation.ts';

export interface ProductDashboardProps {
  readonly stage: HttpStage;
  readonly functions: readonly IFunction[];
  readonly alarms: readonly IAlarm[];
}

/** What an operator looks at first: alarms, calls, functions, operations. */
export class ProductDashboard extends Dashboard {
  constructor(scope: Construct, id: string, { stage, functions, alarms }: ProductDashboardProps) {
    super(scope, id, {
      dashboardName: 'HivemindVolumes',
      widgets: [
        [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24, height: 4 })],
        callWidgets(stage),
        functionWidgets(functions),
        operationWidgets(scope),
      ],
    });
  }
}

function graph(title: string, left: Metric[]): IWidget {
  return new GraphWidget({ title, left, width: 12, height: 6 });
}

function callWidgets(stage: HttpStage): IWidget[] {
  return [
    graph('Calls', [stage.metricCount(), stage.metricClientError(), stage.metricServerError()]),
    graph('Latency', [
      stage.metricLatency({ statistic: Stats.p(50) }),
      stage.metricLatency({ statistic: Stats.p(99) }),
    ]),
  ];
}

function functionWidgets(functions: readonly IFunction[]): IWidget[] {
  return [
    graph(
      'Function errors',
      functions.map((fn) => fn.metricErrors()),
    ),
    graph(
      'Function duration, 99th percentile',
      functions.map((fn) => fn.metricDuration({ statistic: Stats.p(99) })),
    ),
  ];
}

function operationWidgets(scope: Construct): IWidget[] {
  const StateMachineArn = Stack.of(scope).formatArn({
    service: 'states',
    resource: 'stateMachine',
    resourceName: operationMachineName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  const executions = (metricName: string) =>
    new Metric({
      namespace: 'AWS/States',
      metricName,
      dimensionsMap: { StateMachineArn },
      statistic: Stats.SUM,
    });
  const { leakedVolumes, leftovers, stuckOperations, restartedOperations } = metricNames;
  const swept = [leakedVolumes, leftovers, stuckOperations, restartedOperations].map(
    (metricName) =>
      new Metric({
        namespace: metricsNamespace,
        metricName,
        dimensionsMap: { service: 'sweeper' },
        statistic: Stats.MAXIMUM,
      }),
  );
  return [
    graph('Operations', ['ExecutionsStarted', 'ExecutionsSucceeded', 'ExecutionsFailed'].map(executions)),
    graph('Found by the sweeper', swept),
  ];
}
