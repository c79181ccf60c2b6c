import aslValidator from 'asl-validator';
import { expect, test } from 'vitest';
import { metricNames, metricsNamespace } from '#shared/model/metrics.ts';
import { maxOpen } from '#functions/policies/run-step.ts';
import { definitionOf } from './support/definition.ts';
import { policyRunMachine, runOver } from './support/policy-run.ts';
import { missing, resourcesOf, synthesise } from './support/synth.ts';

const { controlPlane: template } = synthesise();
const machine = policyRunMachine();
const [machineId] =
  Object.entries(resourcesOf(template, 'AWS::StepFunctions::StateMachine')).find(
    ([, { Properties }]) => Properties['StateMachineName'] === 'hivemind-backup-policy-run',
  ) ?? [];
const definition = definitionOf(machine);
const { States: states } = definition;

test('the definition is valid Amazon States Language', () => {
  const verdict = aslValidator(definition);
  expect(verdict.errorsText('\n')).toBe('');
  expect(verdict.isValid).toBe(true);
});

test('the machine is a standard one, ends within 24 hours, is traced and logs everything', () => {
  expect(machine?.Properties).toMatchObject({
    StateMachineType: 'STANDARD',
    TracingConfiguration: { Enabled: true },
    LoggingConfiguration: { Level: 'ALL' },
  });
  expect(definition.TimeoutSeconds).toBe(86_400);
});

test('a step has a time-out, is tried again by error name, and ends in a Fail', () => {
  const { TimeoutSeconds, Retry = [], Catch = [] } = states['Step'] ?? {};
  expect(TimeoutSeconds).toBe(90);
  expect(Retry.map(({ ErrorEquals, MaxAttempts }) => [ErrorEquals[0], MaxAttempts])).toEqual([
    ['Conflict', 20],
    ['Throttled', 20],
    ['States.TaskFailed', 8],
  ]);
  for (const retry of Retry)
    expect(retry).toMatchObject({ BackoffRate: 2, JitterStrategy: 'FULL', MaxDelaySeconds: 30 });
  expect(Catch).toMatchObject([{ ErrorEquals: ['States.ALL'] }]);
  expect(states[Catch[0]?.Next ?? '']?.Type).toBe('Fail');
});

test('a run that has failed raises an alarm, and success is quiet', () => {
  expect(
    missing(template, 'AWS::CloudWatch::Alarm', {
      AlarmName: 'hivemind-policy-runs-failed',
      Namespace: 'AWS/States',
      MetricName: 'ExecutionsFailed',
      Dimensions: [{ Name: 'StateMachineArn', Value: { Ref: machineId } }],
      Statistic: 'Sum',
      Threshold: 1,
      TreatMissingData: 'notBreaching',
    }),
  ).toBe('');
  // The outcome that such a run ends with leads to a Fail, and `done` to a Succeed.
  const { Choices = [], Default = '' } = states['Outcome?'] ?? {};
  const next = JSON.stringify(Choices.find((choice) => JSON.stringify(choice).includes('"done"')));
  expect([states[Default]?.Type, states[Default]?.Error]).toEqual(['Fail', 'RunFailed']);
  expect(next).toContain('"Next":"Done"');
});

test.each([
  ['hivemind-backups-overdue', metricNames.overdueVolumes],
  ['hivemind-drills-overdue', metricNames.overdueDrills],
  ['hivemind-drills-failed', metricNames.failedDrills],
])('%s stands on exactly what is published of all, with missing data breaching', (name, metric) => {
  expect(
    missing(template, 'AWS::CloudWatch::Alarm', {
      AlarmName: name,
      Namespace: metricsNamespace,
      MetricName: metric,
      Dimensions: [{ Name: 'service', Value: 'watch-backups' }],
      Statistic: 'Maximum',
      Period: 300,
      EvaluationPeriods: 3,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      TreatMissingData: 'breaching',
    }),
  ).toBe('');
});

test('schedules of policies are in a group of their own; their role calls one function and one queue', () => {
  expect(missing(template, 'AWS::Scheduler::ScheduleGroup', { Name: 'hivemind-policies' })).toBe('');
  const policies = Object.entries(resourcesOf(template, 'AWS::IAM::Policy'));
  const [, own] = policies.find(([id]) => id.startsWith('PoliciesScheduleRole')) ?? [];
  const text = JSON.stringify(own?.Properties['PolicyDocument']);
  expect(text).toContain('PoliciesTick');
  expect(text.match(/"(lambda|sqs|[a-z]+):[A-Za-z]+"/g)?.toSorted()).toEqual([
    '"lambda:InvokeFunction"',
    '"sqs:GetQueueAttributes"',
    '"sqs:GetQueueUrl"',
    '"sqs:SendMessage"',
  ]);
});

test('10,000 volumes fit: 25,000 events, 256 KB of state, a bounded number of backups at once', async () => {
  const { run, ended, events, maxBytes, mostAtOnce } = await runOver(10_000);
  expect(run).toMatchObject({
    state: 'succeeded',
    counts: { selected: 10_000, open: 0, made: 10_000, failed: 0, skipped: 0 },
  });
  expect(ended).toBe('Done');
  expect(events).toBeLessThan(25_000);
  expect(maxBytes).toBeLessThan(1_000);
  expect(mostAtOnce).toBeLessThanOrEqual(maxOpen);
}, 180_000);
