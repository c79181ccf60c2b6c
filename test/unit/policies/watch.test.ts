import { Metrics } from '@aws-lambda-powertools/metrics';
import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
} from '@aws-sdk/client-cloudwatch';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CloudWatchPolicyAlarms } from '#shared/aws/policies/cloudwatch-alarms.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { CreateBackup } from '#shared/model/backup.ts';
import { ProductError } from '#shared/model/errors.ts';
import { metricNames, metricsNamespace, policyAlarmMetrics, policyAlarms } from '#shared/model/metrics.ts';
import { publishOverdue } from '#shared/runtime/publish.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { pausePolicy } from '#functions/policies/change-policy.ts';
import { call, existing } from '#test/unit/workers/support/world.ts';
import { PolicyWorld } from './support/policy-world.ts';

const hour = 3_600;

afterEach(() => void vi.restoreAllMocks());

describe('what is overdue', () => {
  it('is published at every watch, of each policy and in all, also when it is nothing', async () => {
    const world = await PolicyWorld.withVolumes(['a', 'b']);
    const policy = await world.policy({ objective: '26h' });
    await world.runNow();
    await world.watch();
    expect(world.published).toEqual([
      [{ overdueVolumes: 0 }, policy.id],
      [{ overdueVolumes: 0, overdueDrills: 0, failedDrills: 0 }, undefined],
    ]);
  });

  it('grows with the clock past the objective, and is nothing again after a good backup', async () => {
    const world = await PolicyWorld.withVolumes(['a', 'b']);
    const policy = await world.policy({ objective: '26h' });
    await world.runNow();
    world.pass(25 * hour);
    await world.watch();
    expect([world.overdue(policy.id), world.overdue()]).toEqual([0, 0]);
    world.pass(2 * hour);
    const report = await world.watch();
    expect([world.overdue(policy.id), world.overdue()]).toEqual([2, 2]);
    expect(report.overdue).toHaveLength(2);
    // One by hand is a good backup too.
    const { body } = await createBackup(world.api, call(), { volume: 'a', ...CreateBackup.parse({}) });
    await world.run(body.id);
    await world.watch();
    expect([world.overdue(policy.id), world.overdue()]).toEqual([1, 1]);
    await world.runNow();
    await world.watch();
    expect([world.overdue(policy.id), world.overdue()]).toEqual([0, 0]);
  });

  it('counts a volume of two policies once in all, by each one’s own objective', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    const strict = await world.policy({ name: 'strict', objective: '6h' });
    const lax = await world.policy({ name: 'lax', objective: '10h' });
    await world.runNow('strict');
    world.pass(7 * hour);
    await world.watch();
    expect([world.overdue(strict.id), world.overdue(lax.id), world.overdue()]).toEqual([1, 0, 1]);
    world.pass(4 * hour);
    await world.watch();
    expect([world.overdue(strict.id), world.overdue(lax.id), world.overdue()]).toEqual([1, 1, 1]);
  });

  it('does not count a failed backup, nor what has nothing to back up', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    await world.run(await world.create('blank', { labels: { backup: 'true' } }));
    const policy = await world.policy({ objective: '6h' });
    await world.runNow();
    world.pass(5 * hour);
    await world.runNow();
    const last = existing((await world.backupsOf('a')).at(-1), 'backup');
    await world.table.transact([replace('backup', last, { ...last, state: 'failed' })]);
    world.pass(2 * hour);
    await world.watch();
    expect(world.overdue(policy.id)).toBe(1);
  });

  it('gives a volume without any backup its objective’s time from when it is first seen', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    world.pass(240 * hour);
    const policy = await world.policy({ objective: '6h' });
    for (let minutes = 0; minutes <= 6 * 60; minutes += 5) {
      await world.watch();
      expect(world.overdue(policy.id)).toBe(0);
      world.pass(300);
    }
    await world.watch();
    expect(world.overdue(policy.id)).toBe(1);
  });

  it('counts the volumes of a paused policy too', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    const policy = await world.policy({ objective: '6h' });
    await world.runNow();
    await pausePolicy(world.ports, call(), { policy: 'nightly', paused: true });
    world.pass(7 * hour);
    await world.watch();
    expect(world.overdue(policy.id)).toBe(1);
  });

  it('publishes no total when a policy could not be looked at, but all others', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    await world.policy({ name: 'bad', selector: 'team=x' });
    const good = await world.policy({ name: 'good' });
    const { table } = world.api;
    const list = table.list.bind(table);
    table.list = (entity, query) =>
      query.pk.endsWith('#team=x')
        ? Promise.reject(new ProductError('Throttled', 'The table takes no more.'))
        : list(entity, query);
    await expect(world.watch()).rejects.toMatchObject({ code: 'Internal' });
    expect([world.overdue(good.id), world.overdue()]).toEqual([0, undefined]);
  });
});

describe('a datapoint', () => {
  it('has exactly the names and dimensions that the alarms stand on', () => {
    const lines: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
    const metrics = new Metrics({ namespace: metricsNamespace, serviceName: 'watch-backups' });
    const publish = publishOverdue(metrics);
    const policy = 'pol-01J0000000000000000000000P';
    publish({ overdueVolumes: 3, overdueDrills: 2, failedDrills: 1 }, policy);
    publish({ overdueVolumes: 5, overdueDrills: 4, failedDrills: 0 });
    metrics.publishStoredMetrics();
    vi.restoreAllMocks();
    const shown = lines.map((line) => {
      const { _aws, ...values } = JSON.parse(line) as {
        _aws: {
          CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[];
        };
      };
      const [directive] = _aws.CloudWatchMetrics;
      const { Namespace, Dimensions, Metrics: named } = existing(directive, 'directive');
      return { Namespace, Dimensions, names: named.map(({ Name }) => Name), values };
    });
    const ofPolicy = (name: string, count: number) => ({
      Namespace: metricsNamespace,
      Dimensions: [['service', 'policy']],
      names: [name],
      values: { service: 'watch-backups', policy, [name]: count },
    });
    expect(shown).toEqual([
      ofPolicy(policyAlarmMetrics.volumes, 3),
      ofPolicy(policyAlarmMetrics.drills, 2),
      ofPolicy(policyAlarmMetrics['failed-drills'], 1),
      {
        Namespace: metricsNamespace,
        Dimensions: [['service']],
        names: [metricNames.overdueVolumes, metricNames.overdueDrills, metricNames.failedDrills],
        values: {
          service: 'watch-backups',
          [metricNames.overdueVolumes]: 5,
          [metricNames.overdueDrills]: 4,
          [metricNames.failedDrills]: 0,
        },
      },
    ]);
  });
});

describe('a policy’s alarm', () => {
  const client = new CloudWatchClient({ region: 'us-east-1' });
  const mock = mockClient(client);
  const topicArn = 'arn:aws:sns:us-east-1:000000000000:alarms';
  const alarms = new CloudWatchPolicyAlarms(
    { topicArn, runbookUrl: 'https://example.com/runbook.md' },
    client,
  );
  const policyId = 'pol-01J0000000000000000000000P';

  const removed = () =>
    mock.commandCalls(DeleteAlarmsCommand).flatMap(({ args }) => args[0].input.AlarmNames ?? []);
  const stands = {
    volumes: {
      suffix: '',
      metric: 'OverdueVolumesOfPolicy',
      says: 'has no good backup within the objective',
      section: 'hivemind-backups-overdue',
    },
    drills: {
      suffix: '-drills',
      metric: 'OverdueDrillsOfPolicy',
      says: 'has backups of which no drill has passed in time',
      section: 'hivemind-drills-overdue',
    },
    'failed-drills': {
      suffix: '-failed-drills',
      metric: 'FailedDrillsOfPolicy',
      says: 'has a backup whose drill has failed',
      section: 'hivemind-drills-failed',
    },
  } as const;

  it.each(policyAlarms)(
    'on its %s stands on the policy’s own datapoint, with missing data breaching',
    async (on) => {
      mock.reset();
      mock.on(PutMetricAlarmCommand).resolves({});
      mock.on(DeleteAlarmsCommand).resolves({});
      await alarms.put({ policyId, name: 'nightly', namespace: 'default' }, policyAlarms);
      const { suffix, metric, says, section } = stands[on];
      const requests = mock.commandCalls(PutMetricAlarmCommand).map(({ args }) => args[0].input);
      expect(requests).toHaveLength(3);
      expect(requests.find(({ AlarmName }) => AlarmName === `hivemind-overdue-${policyId}${suffix}`)).toEqual(
        {
          AlarmName: `hivemind-overdue-${policyId}${suffix}`,
          AlarmDescription: [
            `[high] A volume of policy "nightly" in namespace "default" ${says}.`,
            `Runbook: https://example.com/runbook.md#${section}`,
            'No data: watch-backups did not run, and nobody knows.',
          ].join('\n'),
          Namespace: 'HivemindVolumes',
          MetricName: metric,
          Dimensions: [
            { Name: 'service', Value: 'watch-backups' },
            { Name: 'policy', Value: policyId },
          ],
          Statistic: 'Maximum',
          Period: 300,
          EvaluationPeriods: 3,
          DatapointsToAlarm: 3,
          Threshold: 1,
          ComparisonOperator: 'GreaterThanOrEqualToThreshold',
          TreatMissingData: 'breaching',
          ActionsEnabled: true,
          AlarmActions: [topicArn],
          OKActions: [topicArn],
          Tags: [{ Key: 'hivemind:product', Value: 'hivemind-volumes' }],
        },
      );
    },
  );

  it('without drills has none on them: what there was is removed', async () => {
    mock.reset();
    mock.on(PutMetricAlarmCommand).resolves({});
    mock.on(DeleteAlarmsCommand).resolves({});
    await alarms.put({ policyId, name: 'nightly', namespace: 'default' }, ['volumes']);
    expect(mock.commandCalls(PutMetricAlarmCommand)).toHaveLength(1);
    expect(removed()).toEqual([
      `hivemind-overdue-${policyId}-drills`,
      `hivemind-overdue-${policyId}-failed-drills`,
    ]);
  });

  it('goes by its name, and all are listed by their prefix, page after page', async () => {
    mock.reset();
    mock.on(DeleteAlarmsCommand).resolves({});
    mock
      .on(DescribeAlarmsCommand)
      .resolvesOnce({
        MetricAlarms: ['', '-drills', '-failed-drills'].map((suffix) => ({
          AlarmName: `hivemind-overdue-${policyId}${suffix}`,
        })),
        NextToken: 'more',
      })
      .resolves({ MetricAlarms: [{ AlarmName: 'hivemind-overdue-pol-2' }] });
    await alarms.remove(policyId);
    expect(removed()).toEqual(
      ['', '-drills', '-failed-drills'].map((suffix) => `hivemind-overdue-${policyId}${suffix}`),
    );
    expect([...(await alarms.list())]).toEqual([
      [policyId, new Set(policyAlarms)],
      ['pol-2', new Set(['volumes'])],
    ]);
  });
});
