import type { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import type { IChainable } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { wildcardFinding } from '../permissions/permission.ts';
import { acknowledge, acknowledgeLint } from './acknowledge.ts';

export interface LoggedMachineProps {
  readonly name: string;
  readonly definition: IChainable;
  /** What the sweeper starts anew has ended by then. */
  readonly timeout: Duration;
  /** Whom it calls. */
  readonly functions: readonly IFunction[];
}

/** The one way a state machine is made: standard, traced, logging everything to a group of its own. */
export function loggedMachine(scope: Construct, props: LoggedMachineProps): StateMachine {
  const machine = new StateMachine(scope, 'Machine', {
    stateMachineName: props.name,
    stateMachineType: StateMachineType.STANDARD,
    definitionBody: DefinitionBody.fromChainable(props.definition),
    timeout: props.timeout,
    tracingEnabled: true,
    logs: {
      destination: new LogGroup(scope, 'Logs', { retention: RetentionDays.ONE_MONTH }),
      level: LogLevel.ALL,
      includeExecutionData: true,
    },
  });
  acknowledgeLint(machine, {
    W3005: 'The CDK also names the policy in DependsOn, and the role along with it.',
  });
  const versions = 'The CDK grants the call of a function together with its versions; this one has none.';
  acknowledge(machine.role, {
    'AwsSolutions-IAM5[Resource::*]': 'X-Ray and log delivery know no resources for these calls.',
    ...Object.fromEntries(
      props.functions.map(({ functionArn }) => [wildcardFinding(scope, `${functionArn}:*`), versions]),
    ),
  });
  return machine;
}
