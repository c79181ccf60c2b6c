import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { operationMachineName } from '../constructs/volume-operation.ts';
import type { Permission } from './permission.ts';

function arnOf(scope: Construct, resource: string, resourceName: string): string {
  return Stack.of(scope).formatArn({
    service: 'states',
    resource,
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

export function startOperations(scope: Construct): Permission {
  return {
    sid: 'StartOperations',
    actions: ['states:StartExecution'],
    resources: [arnOf(scope, 'stateMachine', operationMachineName)],
  };
}

/** To see whether an operation has an execution that runs: the sweeper's alone. */
export function seeOperations(scope: Construct): Permission {
  return {
    sid: 'SeeOperations',
    actions: ['states:DescribeExecution'],
    resources: [arnOf(scope, 'execution', `${operationMachineName}:*`)],
    wildcard: 'Executions are named after operations; the machine is named.',
  };
}
