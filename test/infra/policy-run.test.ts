import aslValidator from 'asl-validator';
import { expect, test } from 'vitest';
import { keys } from '#shared/aws/table/keys.ts';
import { remove, replace } from '#shared/aws/table/writes.ts';
import { metricNames, metricsNamespace } from '#shared/model/metrics.ts';
import { maxOpen, runStep, type RunOutput } from '#functions/policies/run-step.ts';
import { existing } from '#test/unit/workers/support/world.ts';
import { PolicyWorld } from '#test/unit/policies/support/policy-world.ts';
import { definitionOf } from './support/definition.ts';
import { missing, resourcesOf, synthesise } from './support/synth.ts';

const { controlPlane: template } = synthesise();
const machine = Object.values(resourcesOf(template, 'AWS::StepFunctions::StateMachine')).find(
  ({ Properties }) => Properties['StateMachineName'] === 'hivemind-backup-policy-run',
);
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

test('the stack’s alarm stands on exactly what is published of all, with missing data breaching', () => {
  expect(
    missing(template, 'AWS::CloudWatch::Alarm', {
      AlarmName: 'hivemind-backups-overdue',
      Namespace: metricsNamespace,
      MetricName: metricNames.overdueVolumes,
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

/** Events that Step Functions writes for a state of each type. */
const eventsOf: Readonly<Record<string, number>> = { Task: 5, Choice: 2, Wait: 2, Succeed: 2, Fail: 1 };

interface History {
  readonly events: number;
  readonly maxBytes: number;
  readonly ended: string;
}

/** Carries the definition out; a step is the real one, and time passes in waits alone. */
async function execute(
  input: object,
  step: () => Promise<RunOutput>,
  wait: (seconds: number) => Promise<void>,
) {
  let [events, maxBytes, name, data] = [2, 0, definition.StartAt, input as Partial<RunOutput>];
  for (;;) {
    const state = existing(states[name], name);
    events += eventsOf[state.Type] ?? 0;
    if (state.Type === 'Task') data = await step();
    if (state.Type === 'Wait') await wait(data.waitSeconds ?? 0);
    maxBytes = Math.max(maxBytes, JSON.stringify(data).length);
    if (state.Type === 'Succeed' || state.Type === 'Fail')
      return { events, maxBytes, ended: name } satisfies History;
    const chosen = state.Choices?.find(({ StringEquals }) => StringEquals === data.outcome)?.Next;
    name = chosen ?? state.Default ?? state.Next ?? '';
  }
}

/** How long each backup takes. */
const backupSeconds = 300;

/** Ends the operations that were begun long enough ago, as the workers do. */
async function finish(world: PolicyWorld, begun: Map<string, number>): Promise<void> {
  const now = world.clock().getTime();
  for (const id of world.started.splice(0)) begun.set(id, now);
  for (const [id, at] of begun) {
    if (now - at < backupSeconds * 1_000) continue;
    begun.delete(id);
    const operation = await world.operation(id);
    const backup = existing(await world.table.readBackup(operation.backup ?? ''), 'backup');
    const backing = existing(await world.table.read('backing', keys.backing(backup.volumeId)), 'backing');
    await world.table.transact([
      replace('operation', operation, { ...operation, status: 'succeeded' }),
      replace('backup', backup, { ...backup, state: 'available', operation: undefined }),
      remove('backing', backing),
    ]);
  }
}

test('10,000 volumes fit: 25,000 events, 256 KB of state, a bounded number of backups at once', async () => {
  const world = await PolicyWorld.crowded(10_000);
  const policy = await world.policy({ retention: { last: 1 } });
  const runId = (await world.deliver(policy, '2026-11-24T02:00:00Z')) ?? '';
  const begun = new Map<string, number>();
  let most = 0;
  const step = async (): Promise<RunOutput> => {
    const output = await runStep(world.ports, { runId });
    await finish(world, begun);
    most = Math.max(most, begun.size);
    return output;
  };
  const history = await execute({ runId }, step, async (seconds) => {
    world.pass(seconds);
    await finish(world, begun);
  });
  expect(await world.runOf(runId)).toMatchObject({
    state: 'succeeded',
    counts: { selected: 10_000, open: 0, made: 10_000, failed: 0, skipped: 0 },
  });
  expect(history.ended).toBe('Done');
  expect(history.events).toBeLessThan(25_000);
  expect(history.maxBytes).toBeLessThan(1_000);
  expect(most).toBeLessThanOrEqual(maxOpen);
}, 180_000);
