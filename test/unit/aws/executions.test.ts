import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, it } from 'vitest';
import { StepFunctionsExecutions } from '#shared/aws/executions.ts';

const client = new SFNClient({ region: 'us-east-1' });
const sfn = mockClient(client);
beforeEach(() => sfn.reset());

const machine = 'arn:aws:states:us-east-1:000000000000:stateMachine:hivemind-volume-operation';
const executionArn = 'arn:aws:states:us-east-1:000000000000:execution:hivemind-volume-operation:op-1';
const executions = new StepFunctionsExecutions(machine, client);
const refusal = (name: string): Error => Object.assign(new TypeError(name), { name });

it.each([
  ['RUNNING', 'running'],
  ['SUCCEEDED', 'ended'],
  ['FAILED', 'ended'],
  ['TIMED_OUT', 'ended'],
  ['ABORTED', 'ended'],
] as const)('an execution that is %s is %s', async (status, expected) => {
  sfn.on(DescribeExecutionCommand, { executionArn }).resolves({ status });
  expect(await executions.state('op-1')).toBe(expected);
});

it('an execution that never was is missing', async () => {
  sfn.on(DescribeExecutionCommand).rejects(refusal('ExecutionDoesNotExist'));
  expect(await executions.state('op-1')).toBe('missing');
});

it('any other refusal is an error', async () => {
  sfn.on(DescribeExecutionCommand).rejects(refusal('AccessDeniedException'));
  await expect(executions.state('op-1')).rejects.toThrow('AccessDenied');
});

it('starts by name with the input of the worker; a name that was used is success', async () => {
  sfn.on(StartExecutionCommand).rejects(refusal('ExecutionAlreadyExists'));
  await executions.start('op-1-r1', { id: 'op-1', driver: 'efs' });
  expect(sfn.commandCalls(StartExecutionCommand)[0]?.args[0].input).toEqual({
    stateMachineArn: machine,
    name: 'op-1-r1',
    input: '{"operationId":"op-1","driver":"efs"}',
  });
});
