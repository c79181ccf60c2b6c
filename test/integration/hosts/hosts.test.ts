import { closeSync, constants, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attempt, run } from '#local/hosts/exec.ts';
import { killDaemon, setPartition } from '#local/hosts/faults.ts';
import { hostStatuses } from '#local/hosts/fleet.ts';
import { readHost } from '#local/hosts/host-file.ts';
import {
  addHost,
  cutHost,
  freezeHost,
  removeHost,
  startHost,
  stopHost,
  thawHost,
} from '#local/hosts/hosts.ts';
import { findMachine, insideOf } from '#local/hosts/machine.ts';
import { attemptInside, runInside } from '#local/hosts/namespaces.ts';
import { kill } from '#local/hosts/processes.ts';
import { until } from '#test/support/until.ts';
import { hostTestCloud } from './host-cloud.ts';
import type { HostTestCloud } from './host-cloud.ts';
import { tracesOf } from './traces.ts';

let world: HostTestCloud;

beforeAll(async () => {
  world = await hostTestCloud();
  await addHost(world.cloud, 'a', { agent: false });
  await addHost(world.cloud, 'b', { agent: false, zone: 'us-east-1b' });
});

afterAll(async () => {
  await world.close();
});

const inside = (name: string) => insideOf(findMachine(world.cloud, name));
const on = async (name: string, ...argv: string[]): Promise<string> =>
  (await runInside(inside(name), argv)).trim();
const bootIdOf = (name: string): Promise<string> => on(name, 'cat', '/proc/sys/kernel/random/boot_id');
const stateOf = async (name: string) =>
  (await hostStatuses(world.cloud)).find((host) => host.name === name)?.state;

const METADATA = 'http://169.254.169.254/latest';
const tokenOf = (name: string): Promise<string> =>
  on(
    name,
    'curl',
    '-sSf',
    '-X',
    'PUT',
    '-H',
    'X-aws-ec2-metadata-token-ttl-seconds: 60',
    `${METADATA}/api/token`,
  );
const statusOf = (name: string, ...args: string[]): Promise<string> =>
  on(name, 'curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', ...args);

test('each host runs containers in a Docker of its own', async () => {
  for (const name of ['a', 'b']) {
    await on(
      name,
      'docker',
      'run',
      '--detach',
      '--name',
      `only-${name}`,
      '--network',
      'none',
      'busybox',
      'sleep',
      '60',
    );
    expect(await on(name, 'docker', 'ps', '--format', '{{.Names}}')).toBe(`only-${name}`);
    expect(await on(name, 'hostname')).toBe(name);
    await on(name, 'docker', 'rm', '--force', `only-${name}`);
  }
});

test('a container keeps to the user that it is given, and networks can be made', async () => {
  await on('a', 'docker', 'network', 'create', 'project_default');
  const id = await on(
    'a',
    'docker',
    'run',
    '--rm',
    '--network',
    'project_default',
    '--user',
    '1000:1000',
    'busybox',
    'id',
    '-un',
  );
  expect(id).toBe('app');
  await on('a', 'docker', 'network', 'rm', 'project_default');
});

test('each host is an instance of its own to its IMDS, and only version 2 answers', async () => {
  for (const name of ['a', 'b']) {
    const { instanceId, zone } = readHost(world.cloud.home, name);
    const header = ['-H', `X-aws-ec2-metadata-token: ${await tokenOf(name)}`];
    const get = (path: string): Promise<string> => on(name, 'curl', '-sSf', ...header, `${METADATA}/${path}`);
    expect(await get('meta-data/instance-id')).toBe(instanceId);
    expect(await get('meta-data/placement/availability-zone')).toBe(zone);
    expect(await get('meta-data/tags/instance/Name')).toBe(name);
    expect(await get('meta-data/iam/security-credentials/')).toBe('hivemind-host');
    const keys: unknown = JSON.parse(await get('meta-data/iam/security-credentials/hivemind-host'));
    expect(keys).toMatchObject({ Code: 'Success', AccessKeyId: 'ASIATESTTESTTEST', Token: 'token' });
    expect(world.sessions).toContain(instanceId);
    expect(await statusOf(name, `${METADATA}/meta-data/instance-id`)).toBe('401');
    expect(await statusOf(name, ...header, '-H', 'X-Forwarded-For: 10.0.0.1', `${METADATA}/meta-data/`)).toBe(
      '403',
    );
    expect(await statusOf(name, '-X', 'PUT', `${METADATA}/api/token`)).toBe('400');
  }
});

test('a container with an address of its own gets no token, as with hop limit 1', async () => {
  const request = String.raw`PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n`;
  const ask = `printf '${request}' | nc -w 3 169.254.169.254 80 | head -n 1`;
  await on('a', 'docker', 'network', 'create', 'project_default');
  const run = ['docker', 'run', '--rm', 'busybox', 'sh', '-c', ask];
  expect(await on('a', ...run.toSpliced(3, 0, '--network', 'project_default'))).toBe('');
  // A container in the host's own network is the host.
  expect(await on('a', ...run.toSpliced(3, 0, '--network', 'host'))).toContain('200');
  await on('a', 'docker', 'network', 'rm', 'project_default');
});

test('a token of one host is nothing to another', async () => {
  const header = `X-aws-ec2-metadata-token: ${await tokenOf('a')}`;
  expect(await statusOf('b', '-H', header, `${METADATA}/meta-data/instance-id`)).toBe('401');
});

test('the cloud is in reach of a host at its gateway and at its own loopback', async () => {
  const { net, cloud } = findMachine(world.cloud, 'a');
  for (const address of [net.gateway, '127.0.0.1']) {
    expect(await statusOf('a', '--max-time', '5', `http://${address}:${cloud.ports.aws}/`)).toBe('200');
  }
});

test('a partition cuts one host off, a black hole lets it wait, and both end', async () => {
  const { net, cloud } = findMachine(world.cloud, 'a');
  const url = `http://${net.gateway}:${cloud.ports.aws}/`;
  const curl = async (): Promise<number> =>
    (await attemptInside(inside('a'), ['curl', '-sS', '-o', '/dev/null', '--max-time', '1', url])).exitCode;
  for (const partition of ['link', 'drop'] as const) {
    await setPartition(world.cloud, 'a', partition);
    expect(await curl()).not.toBe(0);
    const other = findMachine(world.cloud, 'b');
    expect(await statusOf('b', `http://${other.net.gateway}:${cloud.ports.aws}/`)).toBe('200');
    await setPartition(world.cloud, 'a', 'none');
    await until('the host is back', async () => (await curl()) === 0);
  }
});

test('a device shows, with its serial, on the host that it is attached to alone', async () => {
  const { paths, cloud } = findMachine(world.cloud, 'a');
  const image = join(cloud.home, 'device.img');
  await run('truncate', ['--size', '16M', image]);
  const device = (await run('losetup', ['--find', '--show', image])).trim();
  try {
    const numbers = (await run('lsblk', ['--noheadings', '--output', 'MAJ:MIN', device])).trim();
    symlinkSync(device, join(paths.byId, 'nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0'));
    writeFileSync(join(paths.udev, `b${numbers}`), 'E:ID_SERIAL_SHORT=vol0123456789abcdef0\n');
    const serial = (name: string) =>
      on(name, 'lsblk', '--noheadings', '--nodeps', '--output', 'SERIAL', device);
    expect(await serial('a')).toBe('vol0123456789abcdef0');
    expect(await serial('b')).toBe('');
    expect(await on('a', 'ls', '/dev/disk/by-id')).toContain('vol0123456789abcdef0');
    expect(await on('b', 'ls', '/dev/disk/by-id')).toBe('');
  } finally {
    await run('losetup', ['--detach', device]);
  }
});

test('a new host holds nothing that this machine has mounted', async () => {
  const { cloud } = world;
  const image = join(cloud.home, 'mounted.img');
  const point = join(cloud.home, 'mounted');
  mkdirSync(point);
  await run('truncate', ['--size', '16M', image]);
  await run('mkfs.ext4', ['-q', image]);
  const device = (await run('losetup', ['--find', '--show', image])).trim();
  await run('mount', [device, point]);
  try {
    await addHost(cloud, 'late', { agent: false, docker: false });
    await run('umount', [point]);
    // The kernel gives a device to one who asks for it alone only while nothing has it mounted.
    const opened = openSync(device, constants.O_RDONLY | constants.O_EXCL);
    expect(opened).toBeGreaterThan(0);
    closeSync(opened);
  } finally {
    await attempt('umount', [point]);
    await run('losetup', ['--detach', device]);
    await removeHost(cloud, 'late');
  }
});

test('a frozen host stands still, and goes on when it is thawed', async () => {
  const { cloud } = world;
  const file = join(findMachine(cloud, 'a').paths.vol, 'counter');
  const count = (): number => Number(readFileSync(file, 'utf8').trim() || '0');
  const loop = 'n=0; while true; do n=$((n+1)); echo $n >/c/counter; sleep 0.01; done';
  await on(
    'a',
    'docker',
    'run',
    '-d',
    '--name',
    'counter',
    '--network',
    'none',
    '-v',
    '/var/lib/hivemind:/c',
    'busybox',
    'sh',
    '-c',
    loop,
  );
  await until('the container counts', () => count() > 3);
  await freezeHost(cloud, 'a');
  expect(await stateOf('a')).toBe('frozen');
  await expect(on('a', 'true')).rejects.toMatchObject({ code: 'HostNotRunning' });
  const stood = count();
  expect(await stateOf('b')).toBe('running');
  await on('b', 'sleep', '0.3');
  expect(count()).toBe(stood);
  await thawHost(cloud, 'a');
  await until('the container counts on', () => count() > stood + 3);
  await on('a', 'docker', 'rm', '--force', 'counter');
});

test('stop and start is another boot with the same disk; the instance is told after the processes have ended', async () => {
  const { cloud, admin } = world;
  const before = await bootIdOf('a');
  expect(before).not.toBe(await bootIdOf('b'));
  const { instanceId, init } = readHost(cloud.home, 'a');
  await on('a', 'touch', '/var/lib/hivemind/kept');
  await stopHost(cloud, 'a');
  expect(await stateOf('a')).toBe('off');
  expect(admin.instances.get(instanceId)?.state).toBe('stopped');
  expect(readHost(cloud.home, 'a').init).toEqual(init);
  await expect(on('a', 'true')).rejects.toMatchObject({ code: 'HostNotRunning' });
  await startHost(cloud, 'a');
  expect(admin.instances.get(instanceId)?.state).toBe('running');
  expect(await bootIdOf('a')).not.toBe(before);
  expect(await on('a', 'ls', '/var/lib/hivemind')).toContain('kept');
  expect(await on('a', 'docker', 'run', '--rm', '--network', 'none', 'busybox', 'echo', 'up')).toBe('up');
});

test('stopping a frozen host fences it and leaves its processes, to be thawed; its next start is another boot', async () => {
  const { cloud, admin } = world;
  const { instanceId, init } = readHost(cloud.home, 'b');
  await freezeHost(cloud, 'b');
  await stopHost(cloud, 'b');
  expect(admin.instances.get(instanceId)?.state).toBe('stopped');
  expect(await stateOf('b')).toBe('frozen');
  await thawHost(cloud, 'b');
  expect(await stateOf('b')).toBe('running');
  expect(await on('b', 'echo', 'still here')).toBe('still here');
  await startHost(cloud, 'b');
  expect(readHost(cloud.home, 'b').init).not.toEqual(init);
  expect(await stateOf('b')).toBe('running');
});

test('a power cut fences before anything ends', async () => {
  const { cloud, admin } = world;
  const { instanceId } = readHost(cloud.home, 'b');
  await cutHost(cloud, 'b');
  expect(admin.calls.at(-1)).toBe(`POST /instances/${instanceId}/crash`);
  expect(await stateOf('b')).toBe('off');
  await startHost(cloud, 'b');
  expect(await stateOf('b')).toBe('running');
});

test('what was killed starts again, and what still runs is left alone', async () => {
  const { cloud } = world;
  const { bootId, imds } = readHost(cloud.home, 'a');
  await killDaemon(cloud, 'a', 'dockerd');
  await kill(imds);
  await startHost(cloud, 'a');
  expect(readHost(cloud.home, 'a').bootId).toBe(bootId);
  expect(await on('a', 'docker', 'run', '--rm', '--network', 'none', 'busybox', 'echo', 'up')).toBe('up');
  expect(await tokenOf('a')).not.toBe('');
  await kill(readHost(cloud.home, 'a').init);
  await startHost(cloud, 'a');
  expect(readHost(cloud.home, 'a').bootId).not.toBe(bootId);
  expect(await on('a', 'docker', 'run', '--rm', '--network', 'none', 'busybox', 'echo', 'up')).toBe('up');
});

test('two clouds may have a host of the same name', async () => {
  const other = await hostTestCloud();
  try {
    const { net } = await addHost(other.cloud, 'a', { agent: false, docker: false });
    expect(net.number).not.toBe(findMachine(world.cloud, 'a').net.number);
    await removeHost(other.cloud, 'a');
    expect(await on('a', 'hostname')).toBe('a');
    expect(await tracesOf(other.cloud.home, [net.link])).toEqual([]);
  } finally {
    await other.close();
  }
});

test('removing leaves nothing, whatever was killed before, and may be repeated', async () => {
  const { cloud, admin } = world;
  const { net, record } = await addHost(cloud, 'c', { agent: false });
  const runInC = ['docker', 'run', '-d', '--network', 'none', 'busybox', 'sleep', '600'];
  await runInside(inside('c'), runInC);
  await kill(record.init);
  await removeHost(cloud, 'c');
  await removeHost(cloud, 'c');
  expect(admin.instances.get(record.instanceId)?.state).toBe('terminated');
  expect((await tracesOf(cloud.home, [net.link])).filter((trace) => /\bc\b|\/c\//.test(trace))).toEqual([]);
  for (const name of ['a', 'b']) await removeHost(cloud, name);
  expect(await tracesOf(cloud.home)).toEqual([]);
});
