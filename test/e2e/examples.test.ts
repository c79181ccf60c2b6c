import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkout } from '#local/cloud/runtime.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';

/** The compose files of examples/, as they are, with docker-compose on hosts of the running cloud. */
const cloud = joinCloud();
const folder = '/var/lib/hivemind/examples';
let a: TestHost;
let b: TestHost;

beforeAll(async () => {
  a = await cloud.addHost('compose-a');
  b = await cloud.addHost('compose-b');
  for (const host of [a, b]) {
    mkdirSync(host.path(folder));
    cpSync(join(checkout, 'examples', 'compose'), host.path(folder), { recursive: true });
  }
});

afterAll(() => cloud.close());

const settings = ['AGENT_IMAGE=busybox', `METRICS_DIR=/var/lib/hivemind/metrics`];

/** `docker-compose -f FILE …` in a project of its own. */
function compose(host: TestHost, file: string): (...args: string[]) => Promise<string> {
  const command = ['docker-compose', '-p', file.replace(/\W/g, ''), '-f', join(folder, file)];
  return (...args) => host.run('env', ...settings, ...command, ...args);
}

const inService =
  (project: (...args: string[]) => Promise<string>, service: string) =>
  (...argv: string[]): Promise<string> =>
    project('exec', '-T', service, ...argv);

const mountsOfOurs = (host: TestHost): string[] =>
  host.mounts().filter((line) => /^\/dev\/loop|^tmpfs \/var\/lib\/hivemind/.test(line));

test('named volumes, bind mounts and memory side by side', async () => {
  const project = compose(a, 'docker-compose.yml');
  await project('up', '-d');
  const service = inService(project, 'agent-with-volume');
  await until('the agent has started', () => service('cat', '/data/starts'));
  await project('restart', '-t', '0', 'agent-with-volume');
  await until(
    'it started twice',
    async () => (await service('cat', '/data/starts')).split('\n').length === 2,
  );
  expect(await service('df', '-m', '/cache')).toMatch(/\s64\s/);
  const seen = await until('the bind mount is read', () =>
    inService(project, 'agent-with-bind')('cat', '/data/seen'),
  );
  expect(seen).not.toBe('');
  expect(await inService(project, 'agent-with-tmpfs')('df', '-m', '/cache')).toMatch(/\s100\s/);
  const backedUp = await cloud.hivemind('volume', 'ls', '--labels', 'backup=true', '-q');
  expect(backedUp).toContain('dockercomposeyml_agent_data');
  await project('down', '-v', '-t', '0');
  expect(mountsOfOurs(a)).toEqual([]);
});

test('an unprivileged user, XFS, nocopy, read-only and a directory of the host', async () => {
  await a.run('mkdir', '-p', '/var/lib/hivemind/metrics');
  const project = compose(a, 'docker-compose.storage.yml');
  await project('up', '-d');
  const database = inService(project, 'database-agent');
  expect(await until('the database has written', () => database('cat', '/data/agent.db'))).toBe('1000');
  expect(await database('grep', ' /backups ', '/proc/mounts')).toContain(' xfs ');
  await expect(inService(project, 'cache-agent')('touch', '/etc/redis/x')).rejects.toThrow('Read-only');
  await until('the host has the file', () => a.run('ls', '/var/lib/hivemind/metrics/seen'));
  await project('down', '-v', '-t', '0');
  expect(mountsOfOurs(a)).toEqual([]);
  expect(await a.run('ls', '/var/lib/hivemind/metrics')).toContain('seen');
});

test('two agents share a network volume, and a third one on another host', async () => {
  const project = compose(a, 'docker-compose.shared.yml');
  await project('up', '-d');
  const first = inService(project, 'agent-1');
  await until('both have written', async () => (await first('ls', '/shared')).includes('agent-2'));
  const volume = 'dockercomposesharedyml_shared_data';
  expect(await b.once(volume, 'cat', '/data/agent-1')).toBe('from agent-1');
  await b.once(volume, 'sh', '-c', 'echo "from b" >/data/agent-3');
  expect(await first('cat', '/shared/agent-3')).toBe('from b');
  await project('down', '-t', '0');
  await b.docker('volume', 'rm', volume);
});

test('a volume that is made beforehand outlives every project', async () => {
  await cloud.hivemind('volume', 'create', 'production_data', '--size', '1G');
  const project = compose(a, 'docker-compose.external.yml');
  await project('up', '-d');
  await inService(project, 'agent')('sh', '-c', 'echo kept >/data/x');
  await project('down', '-v', '-t', '0');
  const elsewhere = compose(b, 'docker-compose.external.yml');
  await elsewhere('up', '-d');
  expect(await inService(elsewhere, 'agent')('cat', '/data/x')).toBe('kept');
  await elsewhere('down', '-v', '-t', '0');
  await cloud.hivemind('volume', 'delete', 'production_data', '-y');
});
