import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetScheduleCommand, ListSchedulesCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientConfig } from '#local/cloud/deploy.ts';
import type { Backup } from '#shared/model/backup.ts';
import { metricNames, metricsNamespace, policyAlarmPrefix } from '#shared/model/metrics.ts';
import { isRunFinished, type Policy, type PolicyPreview, type PolicyRun } from '#shared/model/policy.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';

/** A policy from its making to its end in the running local cloud, as a person has it from the command line. */

const cloud = joinCloud();
const scheduler = new SchedulerClient(clientConfig(cloud.file));
const [name, first, second] = ['nightly', 'db', 'files'].map((word) => cloud.unique(word)) as [
  string,
  string,
  string,
];

beforeAll(async () => {
  const host = await cloud.addHost('policies');
  for (const volume of [first, second]) {
    await cloud.hivemind('volume', 'create', volume, '--size', '1G', '--labels', `policy=${name}`);
    await host.once(volume, 'sh', '-c', 'echo kept > /data/file');
  }
});
afterAll(() => cloud.close());

const backupsOf = (volume: string): Promise<Backup[]> =>
  cloud.hivemindJson<Backup[]>('backup', 'ls', '--volume', volume, '--origin', 'policy');

async function create(): Promise<Policy> {
  const when = ['--schedule', '0 2 * * *', '--timezone', 'Europe/Berlin', '--objective', '26h'];
  const what = ['--selector', `policy=${name}`, '--keep-last', '1'];
  return cloud.hivemindJson<Policy>('backup', 'policy', 'create', '--name', name, ...when, ...what);
}

/** Delivers a tick, as EventBridge Scheduler does. */
async function deliver(policy: Policy, scheduledAt: string): Promise<string> {
  const answer = await new LambdaClient(clientConfig(cloud.file)).send(
    new InvokeCommand({
      FunctionName: 'hivemind-policy-tick',
      Payload: JSON.stringify({ policyId: policy.id, scheduledAt }),
    }),
  );
  expect(answer.FunctionError).toBeUndefined();
  return JSON.parse(new TextDecoder().decode(answer.Payload)) as string;
}

test('a policy backs its volumes up, keeps what its rules keep, and goes with its schedule and its alarm', async () => {
  const policy = await create();
  expect(policy).toMatchObject({ state: 'active', objectiveSeconds: 26 * 3_600 });
  const schedule = await scheduler.send(
    new GetScheduleCommand({ GroupName: 'hivemind-policies', Name: policy.id }),
  );
  expect(schedule).toMatchObject({ State: 'ENABLED', ScheduleExpression: 'cron(0 2 * * ? *)' });
  const { MetricAlarms } = await new CloudWatchClient(clientConfig(cloud.file)).send(
    new DescribeAlarmsCommand({ AlarmNamePrefix: policyAlarmPrefix + policy.id }),
  );
  expect(MetricAlarms).toMatchObject([
    { Namespace: metricsNamespace, MetricName: metricNames.overdueVolumesOfPolicy },
  ]);

  const run = await cloud.hivemindJson<PolicyRun>('backup', 'policy', 'run', name, '--wait');
  expect(run).toMatchObject({ state: 'succeeded', counts: { selected: 2, made: 2, failed: 0 } });
  const before = await backupsOf(first);
  expect(before).toMatchObject([{ state: 'available', policy: policy.id }]);

  const tickAt = '2026-11-25T01:00:00Z';
  const runs = [await deliver(policy, tickAt), await deliver(policy, tickAt)];
  expect(new Set(runs).size).toBe(1);
  const ended = await until(
    'the run of the tick is done',
    async () => {
      const params = { namespace: 'default', policy: name, run: runs[0] ?? '' };
      const { body } = await cloud.api.call('getPolicyRun', { params });
      return isRunFinished(body.state) ? body : undefined;
    },
    { within: 90_000, every: 500 },
  );
  expect(ended).toMatchObject({ state: 'succeeded', cause: 'scheduled', counts: { made: 2, pruned: 2 } });
  for (const volume of [first, second])
    await until(`${volume} has its newest backup alone`, async () => (await backupsOf(volume)).length === 1);
  const [kept] = await backupsOf(first);
  expect(kept?.id).not.toBe(before[0]?.id);

  const preview = await cloud.hivemindJson<PolicyPreview>('backup', 'policy', 'preview', name);
  expect(preview.nextRuns).toHaveLength(5);
  expect(preview.items.find(({ volume }) => volume === first)).toMatchObject({
    kept: [{ backup: kept?.id, rules: [{ rule: 'last', period: '1' }], protected: ['last-good'] }],
    pruned: [],
  });

  await cloud.hivemind('backup', 'policy', 'delete', name, '--yes');
  const left = await scheduler.send(new ListSchedulesCommand({ GroupName: 'hivemind-policies' }));
  expect((left.Schedules ?? []).map(({ Name }) => Name)).not.toContain(policy.id);
  expect(await backupsOf(first)).toHaveLength(1);
}, 180_000);
