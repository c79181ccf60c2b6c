import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import { composeProject } from './harness/compose.ts';
import type { TestHost } from './harness/host.ts';

/** The persistence half of the seed's "Volume Testing Script", and what else may happen to a container with data. */
const cloud = joinCloud();
let host: TestHost;

beforeAll(async () => {
  host = await cloud.addHost('persist');
});

afterAll(() => cloud.close());

const composeFile = (volume: string): string => `version: "3.8"
services:
  agent:
    image: busybox
    network_mode: none
    command: ["sleep", "3600"]
    volumes:
      - ${volume}:/data
volumes:
  ${volume}:
    driver: hivemind
    driver_opts:
      size: 1G
      labels: app=agent
`;

test('data survives a restart of its container, and its container’s end', async () => {
  const compose = composeProject(host, 'myapp', composeFile('agent_data'));
  await compose('up', '-d');
  await compose('exec', '-T', 'agent', 'sh', '-c', 'echo "test data" > /data/test.txt');
  await compose('restart', '-t', '0', 'agent');
  expect(await compose('exec', '-T', 'agent', 'cat', '/data/test.txt')).toBe('test data');
  await compose('down', '-t', '0');
  await compose('up', '-d');
  expect(await compose('exec', '-T', 'agent', 'cat', '/data/test.txt')).toBe('test data');
  const volume = await cloud.hivemindJson<{ labels: unknown }>('volume', 'inspect', 'myapp_agent_data');
  expect(volume.labels).toMatchObject({ app: 'agent' });
  await compose('down', '-v', '-t', '0');
  expect(await host.docker('volume', 'ls', '-q', '--filter', 'name=myapp_')).toBe('');
  expect(JSON.parse(await cloud.hivemind('volume', 'ls', '--json'))).not.toContainEqual(
    expect.objectContaining({ name: 'myapp_agent_data' }),
  );
});

test('docker restart, and a container that is removed and made again, find the same bytes', async () => {
  const name = cloud.unique('bytes');
  await cloud.hivemind('volume', 'create', name, '--size', '1G');
  await host.container(name, name, 'sleep', '3600');
  await host.docker('exec', name, 'sh', '-c', 'dd if=/dev/urandom of=/data/blob bs=1M count=16 2>/dev/null');
  const sum = (): Promise<string> => host.docker('exec', name, 'sha256sum', '/data/blob');
  const before = await sum();
  await host.docker('restart', '-t', '0', name);
  expect(await sum()).toBe(before);
  await host.docker('rm', '-f', name);
  await host.container(name, name, 'sleep', '3600');
  expect(await sum()).toBe(before);
  await host.docker('rm', '-f', name);
  await host.docker('volume', 'rm', name);
});

test('an agent that is killed in the middle of a write load costs no byte, and is there again', async () => {
  const name = cloud.unique('killed');
  await cloud.hivemind('volume', 'create', name, '--size', '1G');
  const script =
    'n=0; while [ ! -e /data/stop ]; do n=$((n+1)); echo "line $n" >>/data/lines; done; echo $n >/data/count; sync; sleep 3600';
  await host.container(name, name, 'sh', '-c', script);
  const inContainer = (...argv: string[]): Promise<string> => host.docker('exec', name, ...argv);
  await until(
    'lines are written',
    async () => Number(await inContainer('sh', '-c', 'wc -l </data/lines')) > 100,
  );
  await host.killAgent();
  const atKill = Number(await inContainer('sh', '-c', 'wc -l </data/lines'));
  await until(
    'it writes on',
    async () => Number(await inContainer('sh', '-c', 'wc -l </data/lines')) > atKill,
  );
  await host.revive();
  await inContainer('touch', '/data/stop');
  const count = Number(await until('the load ends', () => inContainer('cat', '/data/count')));
  const expected = Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');
  await host.docker('rm', '-f', name);
  const mounted = await host.once(name, 'sha256sum', '/data/lines');
  expect(mounted.split(' ')[0]).toBe(createHash('sha256').update(expected).digest('hex'));
  await host.docker('volume', 'rm', name);
});

test('a killed dockerd costs no byte and leaves no mount behind', async () => {
  const name = cloud.unique('dockerd');
  await cloud.hivemind('volume', 'create', name, '--size', '1G');
  await host.container(name, name, 'sh', '-c', 'echo kept >/data/x; sync; exec sleep 3600');
  await until('it has written', () => host.docker('exec', name, 'cat', '/data/x'));
  await host.killDocker();
  await host.revive();
  await host.docker('start', name);
  expect(await host.docker('exec', name, 'cat', '/data/x')).toBe('kept');
  await host.docker('rm', '-f', name);
  const ours = (): string[] => host.mounts().filter((line) => line.startsWith('/dev/loop'));
  await until('nothing is mounted', () => ours().length === 0);
  await host.docker('volume', 'rm', name);
});
