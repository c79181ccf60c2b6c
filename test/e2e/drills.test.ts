import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeAccessPointsCommand, EFSClient } from '@aws-sdk/client-efs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientConfig } from '#local/cloud/deploy.ts';
import type { Backup } from '#shared/model/backup.ts';
import { policyAlarmMetrics, policyAlarmPrefix } from '#shared/model/metrics.ts';
import type { Operation } from '#shared/model/operation.ts';
import { isRunFinished, type Policy } from '#shared/model/policy.ts';
import type { Volume } from '#shared/model/volume.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';
import { scratchVolumes } from './harness/scratch-volumes.ts';

/** Drills in the whole product: a backup made under a freeze, its manifest in the bucket, the copy looked into by a host. */
let cloud: TestCloud;
let host: TestHost;

beforeAll(async () => {
  cloud = joinCloud();
  host = await cloud.addHost(cloud.unique('dr'));
});
afterAll(async () => {
  await cloud.close();
});

const inspect = (backup: string) => cloud.hivemindJson<Backup>('backup', 'inspect', backup);

/** A backup, made while a container writes, and its manifest. */
async function backedUp(name: string): Promise<Backup> {
  await host.container(
    name,
    name,
    'sh',
    '-c',
    'for n in $(seq 50); do echo $n >/data/f$n; done; sync; while :; do date >>/data/log; sleep 0.1; done',
  );
  await until(
    'it has written',
    async () => (await host.attempt(['docker', 'exec', name, 'test', '-s', '/data/log'])).exitCode === 0,
  );
  const { id } = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
  return until('the manifest is on the backup', async () => {
    const backup = await inspect(id);
    return backup.manifest === undefined ? undefined : backup;
  });
}

async function away(name: string): Promise<void> {
  await host.docker('rm', '--force', name);
  await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
}

describe('a drill', () => {
  it('passes, while the volume is written to, and leaves no scratch volume', async () => {
    const name = cloud.unique('drilled');
    const { id, manifest } = await backedUp(name);
    expect(manifest?.hashed).toBeGreaterThanOrEqual(50);
    const check = 'test "$(cat f50)" = 50';
    const { drill } = await cloud.hivemindJson<Backup>('backup', 'drill', id, '--check', check, '--wait');
    expect(drill).toMatchObject({
      outcome: 'passed',
      report: { manifest: true, mark: true, wrong: 0, filesystemCheck: { clean: true }, check: { code: 0 } },
    });
    expect(drill?.restoreSeconds).toBeGreaterThan(0);
    expect(await scratchVolumes(cloud, 'drill')).toEqual([]);
    expect(host.mounts().filter((mount) => mount.includes('/verify/'))).toEqual([]);
    const { lastBackup, lastVerified } = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
    expect(lastBackup?.id).toBe(id);
    expect(lastVerified).toMatchObject({ id, at: drill?.at });
    const shown = await cloud.hivemind('volume', 'inspect', name);
    expect(shown).toMatch(/Last backup: .*\nLast verified: .*restored in \d+ s/);
    await away(name);
  });

  it('whose check does not pass has failed, and leaves no scratch volume', async () => {
    const name = cloud.unique('failing');
    const { id } = await backedUp(name);
    const failed = await cloud.attemptHivemind([
      'backup',
      'drill',
      id,
      '--check',
      'echo no such row; exit 3',
      '--wait',
    ]);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain('no such row');
    const { drill, verified } = await inspect(id);
    expect(drill).toMatchObject({ outcome: 'failed', report: { check: { code: 3 } } });
    expect(verified).toBeUndefined();
    expect(await scratchVolumes(cloud, 'drill')).toEqual([]);
    await away(name);
  });

  it('whose agent dies in it goes on when that is back, and leaves no scratch volume', async () => {
    const name = cloud.unique('dying');
    const { id } = await backedUp(name);
    const begun = await cloud.hivemindJson<Operation>(
      'backup',
      'drill',
      id,
      '--check',
      'sleep 20',
      '--no-wait',
    );
    await until(
      'the copy is mounted',
      () => Promise.resolve(host.mounts().some((mount) => mount.includes('/verify/'))),
      { within: 180_000 },
    );
    await host.killAgent();
    await host.revive();
    expect(await cloud.attemptHivemind(['operation', 'wait', begun.id])).toMatchObject({ exitCode: 0 });
    expect((await inspect(id)).drill?.outcome).toBe('passed');
    expect(await scratchVolumes(cloud, 'drill')).toEqual([]);
    await away(name);
  });
});

describe('a drill of a recovery point', () => {
  it('compares what was restored with the volume, while that is written to, and leaves nothing', async () => {
    const name = cloud.unique('shared');
    await cloud.hivemind('volume', 'create', name, '--type', 'network', '--wait');
    await host.once(name, 'sh', '-c', 'for n in $(seq 20); do echo $n >/data/f$n; done; sync');
    const written = Date.now();
    // Two clocks may be 5 s apart: what is younger is not asked for.
    await until('it has settled', () => Promise.resolve(Date.now() - written > 6_000), { within: 10_000 });
    const { id } = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
    await host.once(name, 'sh', '-c', 'echo changed >/data/f1; rm /data/f2; echo new >/data/new');
    const check = 'test "$(cat f1)" = 1';
    const { drill } = await cloud.hivemindJson<Backup>('backup', 'drill', id, '--check', check, '--wait');
    expect(drill).toMatchObject({
      outcome: 'passed',
      report: { live: true, wrong: 0, hashed: 20, check: { code: 0 } },
    });
    expect(drill?.report?.compared).toBeGreaterThanOrEqual(18);
    expect(host.mounts().filter((mount) => mount.includes('/verify/'))).toEqual([]);
    const { lastVerified, storage } = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
    expect(lastVerified).toMatchObject({ id, at: drill?.at });
    const { fileSystemId = '', path = '' } = storage?.kind === 'efs' ? storage : {};
    const { AccessPoints = [] } = await new EFSClient(clientConfig(cloud.file)).send(
      new DescribeAccessPointsCommand({ FileSystemId: fileSystemId }),
    );
    const roots = AccessPoints.map(({ RootDirectory }) => RootDirectory?.Path ?? '');
    expect(roots.filter((root) => root.endsWith(path) || root === '/')).toEqual([path]);
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  });
});

describe('a policy with drills', () => {
  const lambda = () => new LambdaClient(clientConfig(cloud.file));
  const alarmsOf = async ({ id }: Policy): Promise<string[]> => {
    const client = new CloudWatchClient(clientConfig(cloud.file));
    const asked = new DescribeAlarmsCommand({ AlarmNamePrefix: policyAlarmPrefix + id });
    const { MetricAlarms = [] } = await client.send(asked);
    return MetricAlarms.map(({ MetricName = '' }) => MetricName).toSorted();
  };

  it('has its newest backups drilled at their time, once, and alarms on that as long as it has drills', async () => {
    const name = cloud.unique('proven');
    await cloud.hivemind('volume', 'create', name, '--size', '1G', '--labels', `policy=${name}`);
    await host.once(name, 'sh', '-c', 'echo kept > /data/file');
    const asked = ['--schedule', '0 2 * * *', '--selector', `policy=${name}`, '--drill', '* * * * *'];
    const policy = await cloud.hivemindJson<Policy>('backup', 'policy', 'create', name, ...asked);
    expect(await alarmsOf(policy)).toEqual(Object.values(policyAlarmMetrics).toSorted());
    await cloud.hivemind('backup', 'policy', 'run', name, '--wait');
    const params = { namespace: 'default', policy: name };
    const runs = async () =>
      (await cloud.api.call('listPolicyRuns', { params, query: { kind: 'drill' } })).body.items;
    await until(
      'drills have begun',
      async () => {
        await lambda().send(new InvokeCommand({ FunctionName: 'hivemind-watch-backups' }));
        return (await runs()).length > 0;
      },
      { within: 120_000, every: 10_000 },
    );
    await cloud.hivemind('backup', 'policy', 'update', name, '--drill', 'off');
    expect(await alarmsOf(policy)).toEqual([policyAlarmMetrics.volumes]);
    const ended = await until(
      'the drills are done',
      async () => {
        const all = await runs();
        return all.every(({ state }) => isRunFinished(state)) ? all : undefined;
      },
      { within: 240_000, every: 1_000 },
    );
    // A second tick may have come meanwhile: it has nothing to prove, or waits for the first.
    expect(ended.at(-1)).toMatchObject({
      state: 'succeeded',
      cause: 'scheduled',
      counts: { made: 1, failed: 0 },
    });
    const { lastVerified, lastBackup } = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
    expect(lastVerified?.id).toBe(lastBackup?.id);
    expect(await cloud.hivemind('backup', 'policy', 'inspect', name)).toMatch(/Last drill: .*succeeded/);
    expect(await scratchVolumes(cloud, 'drill')).toEqual([]);
    await cloud.hivemind('backup', 'policy', 'delete', name, '--yes');
  }, 420_000);
});
