import { spawnSync } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '#test/support/until.ts';
import { image, openDockerRig, type DockerHost, type DockerRig } from './support/docker-host.ts';

const hostA = 'i-0aaaaaaaaaaaaaaaa';
const examples = new URL('../../../examples/compose/', import.meta.url).pathname;

/** The first is what Debian has and must be there; the other is Docker's own plugin, where it is installed. */
const hasPlugin = spawnSync('docker', ['compose', 'version']).status === 0;
const spellings = [['docker-compose'], ...(hasPlugin ? [['docker', 'compose']] : [])].map(
  (words) => [words.join(' '), words] as const,
);

describe.each(spellings)('the compose files in examples/, with %s', (_, words) => {
  let rig: DockerRig;
  let host: DockerHost;
  let folder: string;
  beforeAll(async () => {
    rig = await openDockerRig();
    host = await rig.addHost(hostA, { idleSeconds: 1 });
    folder = join(rig.sandbox.dir, 'project');
    await cp(examples, folder, { recursive: true });
  });
  afterAll(async () => {
    await rig.close();
  });

  /** Without networks: the test's dockerd has none. */
  const composeOf = async (file: string, services: readonly string[]) => {
    const override = join(folder, `no-network-${file}`);
    const none = services
      .map((name) => `  ${name}:\n    network_mode: none\n    stop_grace_period: 1s\n`)
      .join('');
    await writeFile(override, `version: '3.8'\nservices:\n${none}`);
    const env = [
      'DOCKER_HOST=unix:///run/docker.sock',
      `AGENT_IMAGE=${image}`,
      `METRICS_DIR=${host.data}/metrics`,
    ];
    return (...args: string[]): Promise<string> =>
      host.exec('env', ...env, ...words, '-p', 'tour', '-f', join(folder, file), '-f', override, ...args);
  };
  const exists = (name: string): boolean => rig.cloud.has(name);

  it('named volumes outlive their containers; bind mounts and tmpfs work beside them', async () => {
    const services = ['agent-with-volume', 'agent-with-bind', 'agent-with-tmpfs'];
    const compose = await composeOf('docker-compose.yml', services);
    await compose('up', '-d');
    await compose('down');
    await compose('up', '-d');
    const starts = await until('it has started twice', async () => {
      const text = await compose('exec', '-T', 'agent-with-volume', 'cat', '/data/starts');
      return text.split('\n').length > 2 && text;
    });
    expect(starts).toMatch(/^started \w+\nstarted \w+\n$/);
    expect(await readFile(join(folder, 'local-data/seen'), 'utf8')).toBe('name = agent\n');
    const size = await compose('exec', '-T', 'agent-with-tmpfs', 'df', '-k', '/cache');
    expect(size).toContain(' 102400 ');
    expect(rig.cloud.volume('tour_cache_data').driver).toBe('tmpfs');
    await compose('down', '-v');
    expect(exists('tour_agent_data')).toBe(false);
    expect(exists('tour_cache_data')).toBe(false);
  });

  it('an unprivileged user, nocopy, read-only and a directory of the host work', async () => {
    const services = ['database-agent', 'cache-agent', 'analytics-agent'];
    const compose = await composeOf('docker-compose.storage.yml', services);
    await compose('up', '-d');
    const look = (service: string, ...command: string[]): Promise<string> =>
      until(`${service} has written`, () => compose('exec', '-T', service, ...command));
    expect(await look('database-agent', 'stat', '-c', '%u:%g', '/data/agent.db', '/backups/first')).toBe(
      '1000:1000\n1000:1000\n',
    );
    await expect(compose('exec', '-T', 'cache-agent', 'touch', '/etc/redis/no')).rejects.toThrow(/Read-only/);
    expect(await look('analytics-agent', 'ls', '/imported')).toBe('seen\n');
    expect(await readFile(join(host.data, 'metrics/seen'), 'utf8')).toBe('');
    await compose('down', '-v');
    expect(exists('tour_db_data')).toBe(false);
    // A hostpath volume's data is the host's: removing the volume leaves it.
    expect(await readFile(join(host.data, 'metrics/seen'), 'utf8')).toBe('');
  });

  it('two agents share a network volume', async () => {
    const compose = await composeOf('docker-compose.shared.yml', ['agent-1', 'agent-2']);
    await compose('up', '-d');
    await until('agent-2 has seen agent-1', async () => {
      const text = await compose('exec', '-T', 'agent-1', 'cat', '/shared/agent-2');
      return text === 'from agent-2\n';
    });
    await compose('down', '-v');
    expect(exists('tour_shared_data')).toBe(false);
  });

  it('an external volume stays when the project goes', async () => {
    const compose = await composeOf('docker-compose.external.yml', ['agent']);
    await rig.cloud.as(hostA).create({ name: 'production_data', size: '1G' });
    await compose('up', '-d');
    await compose('exec', '-T', 'agent', 'sh', '-c', 'echo "test data" >/data/test.txt');
    await compose('restart', 'agent');
    expect(await compose('exec', '-T', 'agent', 'cat', '/data/test.txt')).toBe('test data\n');
    await compose('down', '-v');
    expect(exists('production_data')).toBe(true);
    await compose('up', '-d');
    expect(await compose('exec', '-T', 'agent', 'cat', '/data/test.txt')).toBe('test data\n');
    await compose('down');
  });
});
