import aslValidator from 'asl-validator';
import { expect, test } from 'vitest';
import { WorkerOutput } from '#shared/model/operation.ts';
import { definitionOf } from './support/definition.ts';
import { resourcesOf, synthesise } from './support/synth.ts';

const { controlPlane: template } = synthesise();
const machine = Object.values(resourcesOf(template, 'AWS::StepFunctions::StateMachine')).find(
  ({ Properties }) => Properties['StateMachineName'] === 'hivemind-volume-operation',
);

const definition = definitionOf(machine);
const { States: states, TimeoutSeconds } = definition;
const tasks = Object.entries(states).filter(([, { Type }]) => Type === 'Task');

test('the definition is valid Amazon States Language', () => {
  const verdict = aslValidator(definition);
  expect(verdict.errorsText('\n')).toBe('');
  expect(verdict.isValid).toBe(true);
});

test('the machine is a standard one, ends within 6 hours, is traced and logs everything', () => {
  expect(machine?.Properties).toMatchObject({
    StateMachineName: 'hivemind-volume-operation',
    StateMachineType: 'STANDARD',
    TracingConfiguration: { Enabled: true },
    LoggingConfiguration: { Level: 'ALL' },
  });
  expect(TimeoutSeconds).toBe(21_600);
});

test('there is a task for each worker', () => {
  expect(tasks.map(([name]) => name).toSorted()).toEqual(['Backup step', 'EBS step', 'EFS step']);
  expect(states['Driver?']?.Choices?.map(({ StringEquals }) => StringEquals)).toEqual([
    'ebs',
    'efs',
    'backup',
  ]);
  expect(states[states['Driver?']?.Default ?? '']?.Type).toBe('Fail');
});

test.each(tasks)('%s has a time-out, is tried again by error name, and ends in a Fail', (_, task) => {
  expect(task.TimeoutSeconds).toBe(90);
  const retried = task.Retry ?? [];
  expect(retried.map(({ ErrorEquals }) => ErrorEquals)).toEqual([
    [
      'Lambda.ClientExecutionTimeoutException',
      'Lambda.ServiceException',
      'Lambda.AWSLambdaException',
      'Lambda.SdkClientException',
      'Lambda.TooManyRequestsException',
    ],
    ['States.TaskFailed', 'States.Timeout'],
  ]);
  for (const retry of retried)
    expect(retry).toMatchObject({ BackoffRate: 2, JitterStrategy: 'FULL', MaxDelaySeconds: 30 });
  expect(task.Catch).toMatchObject([{ ErrorEquals: ['States.ALL'] }]);
  expect(states[task.Catch?.[0]?.Next ?? '']?.Type).toBe('Fail');
});

test('every outcome of a worker leads somewhere', () => {
  const choice = states['Outcome?'];
  const named = choice?.Choices?.map(({ StringEquals }) => StringEquals) ?? [];
  const outcomes = WorkerOutput.shape.outcome.options;
  expect(outcomes.filter((outcome) => !named.includes(outcome))).toEqual(['failed']);
  expect(states[choice?.Default ?? '']).toMatchObject({ Type: 'Fail', Error: 'OperationFailed' });
});
