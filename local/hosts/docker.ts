import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from './daemons.ts';
import { waitFor } from './exec.ts';
import { attemptInside } from './namespaces.ts';
import type { Inside } from './namespaces.ts';

const CONTAINERD_SOCKET = '/run/containerd.sock';

/** Where the docker of a host listens, inside it: Docker's default. */
export const DOCKER_SOCKET = '/run/docker.sock';

async function answers(inside: Inside, argv: readonly string[]): Promise<boolean> {
  return (await attemptInside(inside, argv, { timeout: 20_000 })).exitCode === 0;
}

const DOCKER_VERSION = [
  'docker',
  '--host',
  `unix://${DOCKER_SOCKET}`,
  'version',
  '--format',
  '{{.Server.Version}}',
];

const flags = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`);

/**
 * Starts containerd and dockerd in a host, with all they keep in the host's folder and all they run below the host's
 * cgroup, and waits until docker answers. What runs already is left alone. `more` are further flags of dockerd.
 */
export async function startDocker(inside: Inside, dir: string, more: readonly string[] = []): Promise<void> {
  const log = join(dir, 'log');
  const config = join(dir, 'docker-config');
  mkdirSync(config, { recursive: true });
  // The machine's own configuration must not reach a host's Docker: a `hosts` entry there would even stop it.
  writeFileSync(join(config, 'daemon.json'), '{}\n');
  writeFileSync(
    join(config, 'containerd.toml'),
    'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n',
  );
  await startDaemon(inside, {
    name: 'containerd',
    log: join(log, 'containerd.log'),
    argv: [
      'containerd',
      ...flags({
        config: join(config, 'containerd.toml'),
        root: join(dir, 'containerd'),
        state: '/run/containerd',
        address: CONTAINERD_SOCKET,
      }),
    ],
  });
  await waitFor('containerd listens', () => answers(inside, ['test', '-S', CONTAINERD_SOCKET]));
  await startDaemon(inside, {
    name: 'dockerd',
    log: join(log, 'dockerd.log'),
    argv: [
      'dockerd',
      ...flags({
        'config-file': join(config, 'daemon.json'),
        containerd: CONTAINERD_SOCKET,
        'data-root': join(dir, 'docker'),
        'exec-root': '/run/docker',
        pidfile: '/run/docker.pid',
        host: `unix://${DOCKER_SOCKET}`,
        'storage-driver': 'overlay2',
        'exec-opt': 'native.cgroupdriver=cgroupfs',
        'cgroup-parent': inside.cgroup.dockerParent,
        bridge: 'none',
        iptables: 'false',
        ip6tables: 'false',
      }),
      ...more,
    ],
  });
  await waitFor('docker answers', () => answers(inside, DOCKER_VERSION), { within: 60_000, every: 100 });
}
