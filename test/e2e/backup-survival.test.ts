import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { Operation } from '#shared/model/operation.ts';
import type { PolicyRun } from '#shared/model/policy.ts';
import type { Volume } from '#shared/model/volume.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import { TestExecutions } from './harness/executions.ts';
import type { TestHost } from './harness/host.ts';
import { inAws, type InAws } from './harness/in-aws.ts';
import { sweep } from './harness/sweep.ts';

/*
 * What happens to backups when AWS throttles, when the agent dies under a freeze, when somebody stops an execution, and when a host
 * is terminated in the middle: the next sweep finishes or undoes the work, nothing is left over, and no filesystem stays frozen.
 */

const cloud = joinCloud();
const executions = new TestExecutions(cloud.file);
const machine = 'hivemind-volume-operation';
let host: TestHost;

beforeAll(async () => {
  host = await cloud.addHost(cloud.unique('sv'));
});
afterAll(() => cloud.close());

/** A container that appends a line again and again; how many there are. */
async function startWriting(name: string): Promise<() => Promise<number>> {
  await cloud.hivemind('volume', 'create', name, '--size', '1G', '--zone', 'us-east-1a', '--wait');
  await host.container(name, name, 'sh', '-c', 'while :; do date >>/data/log; usleep 20000; done');
  const lines = async () => Number(await host.docker('exec', name, 'sh', '-c', 'wc -l </data/log'));
  await until('it writes', async () => (await lines()) > 5);
  return lines;
}

async function away(name: string): Promise<void> {
  await host.docker('rm', '--force', name);
  await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
}

/** It has an end, with the sweeper's help where its execution has none. */
function ended(id: string): Promise<Operation> {
  return until(
    `${id} has ended`,
    async () => {
      await sweep(cloud.file);
      const params = { namespace: 'default', operation: id };
      const { body } = await cloud.api.call('getOperation', { params });
      return body.status === 'succeeded' || body.status === 'failed' ? body : undefined;
    },
    { within: 240_000, every: 1_500 },
  );
}

/** What is there now and was not before. */
async function more(before: InAws): Promise<Partial<Record<keyof InAws, number>>> {
  const now = await inAws(cloud);
  const counts = (Object.keys(now) as (keyof InAws)[]).map((kind) => {
    return [kind, now[kind].filter((id) => !before[kind].includes(id)).length] as const;
  });
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

const backUp = (name: string): Promise<Operation> =>
  cloud.hivemindJson<Operation>('volume', 'backup', name, '--no-wait');
const inspect = (backup: string | undefined): Promise<Backup> =>
  cloud.hivemindJson<Backup>('backup', 'inspect', backup ?? '');

test('a backup comes to its end although EC2 and the table throttle', async () => {
  const name = cloud.unique('throttled');
  const lines = await startWriting(name);
  const before = await inAws(cloud);
  await cloud.storage.setFaults([
    { id: 'cut', kind: 'throttle', service: 'ec2', action: 'CreateSnapshot', times: 2 },
    { id: 'look', kind: 'throttle', service: 'ec2', action: 'DescribeSnapshots', probability: 0.5, seed: 7 },
  ]);
  await cloud.edge.setFaults([
    {
      id: 'table',
      kind: 'throttle',
      service: 'dynamodb',
      functionName: 'backup-worker',
      probability: 0.3,
      seed: 7,
    },
  ]);
  const { id, backup } = await backUp(name);
  expect((await ended(id)).status).toBe('succeeded');
  await cloud.edge.clearFaults();
  await cloud.storage.clearFaults();
  expect(await inspect(backup)).toMatchObject({ state: 'available', consistency: 'freeze' });
  expect(await more(before)).toEqual({ snapshots: 1 });
  const written = await lines();
  await until('it goes on writing', async () => (await lines()) > written);
  await away(name);
});

test('an agent that dies under a freeze leaves nothing frozen, and the backup is made by the next one', async () => {
  const name = cloud.unique('frozen');
  const lines = await startWriting(name);
  const before = await inAws(cloud);
  // Shorter than a freeze may be.
  const { storage } = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
  const resourceId = storage?.kind === 'ebs' ? storage.volumeId : '';
  const cut = { service: 'ec2', action: 'CreateSnapshot', resourceId };
  const slow = { id: 'slow', kind: 'latency', ...cut, ms: 8_000, times: 1 };
  await cloud.storage.setFaults([slow]);
  const { id, backup } = await backUp(name);
  let last = -1;
  const stands = async (): Promise<boolean> => {
    const was = last;
    last = await lines();
    return last === was;
  };
  await until('the writer is held up', stands, { within: 60_000, every: 400 });
  await host.killAgent();
  await until('the watchdog has thawed', async () => (await lines()) > last, { within: 15_000 });
  await host.revive();
  expect((await ended(id)).status).toBe('succeeded');
  expect(await inspect(backup)).toMatchObject({ state: 'available', consistency: 'freeze' });
  await until('one snapshot is left', async () => (await more(before)).snapshots === 1);
  const written = await lines();
  await until('it goes on writing', async () => (await lines()) > written);
  await away(name);
});

describe('an execution that somebody stops', () => {
  test('of a backup is begun anew by the sweeper, and makes no second snapshot', async () => {
    const name = cloud.unique('stopped');
    await startWriting(name);
    const before = await inAws(cloud);
    const slow = {
      id: 'slow',
      kind: 'slow-transition',
      service: 'ec2',
      action: 'CreateSnapshot',
      ms: 15_000,
    };
    await cloud.storage.setFaults([slow]);
    const { id, backup } = await backUp(name);
    await until('the cut is made', async () => (await more(before)).snapshots === 1, { within: 60_000 });
    await executions.stop(machine, id);
    expect((await ended(id)).status).toBe('succeeded');
    await cloud.storage.clearFaults();
    expect(await executions.ended(machine, `${id}-r1`)).toMatchObject({ status: 'SUCCEEDED' });
    expect((await inspect(backup)).state).toBe('available');
    expect(await more(before)).toEqual({ snapshots: 1 });
    await away(name);
  });

  test('of a restore is begun anew, and makes no second volume', async () => {
    const name = cloud.unique('stopped');
    await startWriting(name);
    const made = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
    const before = await inAws(cloud);
    const slow = { id: 'slow', kind: 'slow-transition', service: 'ec2', action: 'CreateVolume', ms: 15_000 };
    await cloud.storage.setFaults([slow]);
    const copy = cloud.unique('copy');
    const asked = ['volume', 'restore', copy, '--backup', made.id, '--no-wait'];
    const { id } = await cloud.hivemindJson<Operation>(...asked);
    await until('EC2 makes it', async () => (await more(before)).volumes === 1, { within: 60_000 });
    await executions.stop(machine, id);
    expect((await ended(id)).status).toBe('succeeded');
    await cloud.storage.clearFaults();
    expect(await more(before)).toEqual({ volumes: 1 });
    await cloud.hivemind('volume', 'delete', copy, '--purge', '--yes', '--wait');
    await away(name);
  });

  test('of a policy’s run is begun anew where it was, and makes no second backup', async () => {
    const name = cloud.unique('stopped');
    await startWriting(name);
    await cloud.hivemind('volume', 'update', name, '--labels', `policy=${name}`);
    const before = await inAws(cloud);
    const when = ['--schedule', '0 2 1 1 *', '--selector', `policy=${name}`, '--keep-last', '1'];
    await cloud.hivemind('backup', 'policy', 'create', '--name', name, ...when);
    const slow = {
      id: 'slow',
      kind: 'slow-transition',
      service: 'ec2',
      action: 'CreateSnapshot',
      ms: 15_000,
    };
    await cloud.storage.setFaults([slow]);
    const { id } = await cloud.hivemindJson<PolicyRun>('backup', 'policy', 'run', name);
    await until('the cut is made', async () => (await more(before)).snapshots === 1, { within: 60_000 });
    await executions.stop('hivemind-backup-policy-run', id);
    const state = async (): Promise<string> => {
      const params = { namespace: 'default', policy: name, run: id };
      return (await cloud.api.call('getPolicyRun', { params })).body.state;
    };
    await until(
      'the run is done',
      async () => {
        await sweep(cloud.file);
        return (await state()) === 'succeeded';
      },
      { within: 180_000, every: 1_500 },
    );
    await cloud.storage.clearFaults();
    expect(await more(before)).toEqual({ snapshots: 1 });
    await cloud.hivemind('backup', 'policy', 'delete', name, '--yes');
    await away(name);
  });
});

describe('a host that is terminated', () => {
  test('while it unpacks an archive fails the restore, and leaves no archive and no upload', async () => {
    const lost = await cloud.addHost(cloud.unique('sv-lost'));
    const name = cloud.unique('unpacked');
    await cloud.hivemind('volume', 'create', name, '--size', '1G', '--zone', 'us-east-1a', '--wait');
    await host.once(name, 'sh', '-c', 'echo kept >/data/file');
    const file = `/tmp/${name}.tar.gz`;
    await cloud.hivemind('volume', 'backup', '--name', name, '--output', file);
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
    const before = await inAws(cloud);
    // It gets the task and never does it.
    await lost.killAgent();
    const asked = ['volume', 'restore', '--name', name, '--input', file, '--host', lost.instanceId];
    const waiting = cloud.attemptHivemind(asked);
    await until('the archive waits for the host', async () => (await more(before)).archives === 1, {
      within: 60_000,
    });
    await lost.remove();
    const { exitCode, stderr } = await waiting;
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/is gone|does not answer/);
    await until('nothing of the archive is left', async () => {
      const left = await more(before);
      return left.archives === undefined && left.uploads === undefined;
    });
    await cloud.attemptHivemind(['volume', 'delete', name, '--purge', '--yes', '--wait']);
    await host.run('rm', '-f', file);
  });

  test('while it looks into a drill’s copy leaves the drill overdue, and no scratch volume', async () => {
    const name = cloud.unique('drilled');
    await startWriting(name);
    const made = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
    const lost = await cloud.addHost(cloud.unique('sv-drill'), { docker: false });
    const before = await inAws(cloud);
    const asked = [
      'backup',
      'drill',
      made.id,
      '--host',
      lost.instanceId,
      '--check',
      'sleep 120',
      '--no-wait',
    ];
    const { id } = await cloud.hivemindJson<Operation>(...asked);
    await until(
      'the copy is mounted',
      () => Promise.resolve(lost.mounts().some((mount) => mount.includes('/verify/'))),
      { within: 120_000 },
    );
    await lost.remove();
    expect((await ended(id)).status).toBe('failed');
    expect((await inspect(made.id)).drill?.outcome).toBe('overdue');
    await until('the scratch volume is gone', async () => (await more(before)).volumes === undefined);
    await away(name);
  });
});
