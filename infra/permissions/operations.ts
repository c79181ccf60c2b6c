import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { operationMachineName } from '../constructs/volume-operation.ts';
import type { Permission } from './permission.ts';

/** To start operations, and to see whether one by that name is there already. */
export function startOperations(scope: Construct): Permission[] {
  const states = (resource: string, resourceName: string) =>
    Stack.of(scope).formatArn({
      service: 'states',
      resource,
      resourceName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  return [
    {
      sid: 'StartOperations',
      actions: ['states:StartExecution'],
      resources: [states('stateMachine', operationMachineName)],
    },
    {
      sid: 'SeeOperations',
      actions: ['states:DescribeExecution'],
      resources: [states('execution', `${operationMachineName}:*`)],
      wildcard: 'Executions are named after operations; the machine is named.',
    },
  ];
}
