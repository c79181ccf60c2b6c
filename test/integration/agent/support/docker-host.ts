import { spawn } from 'node:child_process';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { parseConfig } from '#agent/config.ts';
import { until } from '#test/support/until.ts';
import { FakeControlPlane } from './fake-control-plane.ts';
import { startHttpCloud, type HttpCloud } from './http-cloud.ts';
import { loopDevices, openSandbox, run, type Loops, type Sandbox } from './sandbox.ts';

/** A host with a mount table, processes, dockerd and agent of its own; everything in it ends with its first process. */
export interface DockerHost {
  readonly id: string;
  readonly root: string;
  /** The one root that host paths may lie under. */
  readonly data: string;
  /** Runs a command inside; rejects when it fails. */
  exec(...command: string[]): Promise<string>;
  docker(...args: string[]): Promise<string>;
  startAgent(): Promise<void>;
  /** At once, unless another signal asks it to end in order; resolves when it has ended. */
  kill(what: 'agent' | 'dockerd', signal?: 'KILL' | 'TERM'): Promise<void>;
  startDockerd(): Promise<void>;
  /** A path of the host as this machine sees it. */
  path(inside: string): string;
  /** Mount table of the host, as text. */
  mountinfo(): Promise<string>;
  agentLog(): Promise<string>;
}

export interface DockerRig {
  readonly sandbox: Sandbox;
  readonly cloud: FakeControlPlane;
  readonly http: HttpCloud;
  readonly devices: Loops;
  /** `settings` are of the agent's configuration file. */
  addHost(id: string, settings?: Record<string, unknown>): Promise<DockerHost>;
  /** While this file exists, what is newly mounted of EFS hangs as if its server were away. */
  readonly efsHangs: string;
  /** The directory behind a network volume. */
  efsDirectoryOf(volume: string): string;
  close(): Promise<void>;
}

export const image = 'hivemind-test';

export async function openDockerRig(): Promise<DockerRig> {
  const sandbox = await openSandbox();
  const devices = loopDevices(sandbox.dir, (host) => join(sandbox.dir, host, 'udev'));
  const cloud = new FakeControlPlane(devices);
  cloud.pollSeconds = 1;
  const http = await startHttpCloud(cloud);
  const bundle = join(sandbox.dir, 'agent.mjs');
  await buildAgent(bundle);
  await makeRootfs(join(sandbox.dir, 'rootfs'));
  return {
    sandbox,
    cloud,
    http,
    devices,
    addHost: (id, settings = {}) => addHost({ sandbox, http, bundle, id, settings }),
    efsHangs: join(sandbox.dir, 'efs.hangs'),
    efsDirectoryOf: (volume) => join(sandbox.dir, 'efs', `fsap-${cloud.volume(volume).serial.slice(4)}`),
    async close() {
      cloud.close();
      await http.close();
      await sandbox.close();
    },
  };
}

export async function buildAgent(outfile: string): Promise<void> {
  await build({
    entryPoints: [new URL('../../../../agent/main.ts', import.meta.url).pathname],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    mainFields: ['module', 'main'],
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    logLevel: 'error',
  });
}

/** An image of one static binary, with content that a volume at /seeded is to copy up, owned by user 1000. */
async function makeRootfs(rootfs: string): Promise<void> {
  for (const dir of ['bin', 'tmp', 'seeded']) await mkdir(join(rootfs, dir), { recursive: true });
  await copyFile('/usr/bin/busybox', join(rootfs, 'bin/busybox'));
  for (const tool of [
    'sh',
    'cat',
    'dd',
    'echo',
    'id',
    'ls',
    'mkdir',
    'sleep',
    'sync',
    'touch',
    'md5sum',
    'stat',
    'true',
    'df',
  ]) {
    await symlink('busybox', join(rootfs, 'bin', tool));
  }
  await writeFile(join(rootfs, 'seeded/from-image'), 'from the image\n');
  await run('chown', ['-R', '1000:1000', join(rootfs, 'seeded')]);
}

interface HostOptions {
  readonly sandbox: Sandbox;
  readonly http: HttpCloud;
  readonly bundle: string;
  readonly id: string;
  readonly settings: Record<string, unknown>;
}

const setup = `
mount -t tmpfs run /run
mkdir -p /run/docker/plugins /run/udev/data
mount --bind "$1/udev" /run/udev/data
mount -t overlay -o "lowerdir=$1/sbin:$(realpath /sbin)" overlay "$(realpath /sbin)"
mount --make-rshared /
echo ready >"$1/ready"
exec sleep infinity
`;

/**
 * EFS as one machine can be it: a directory per access point, beside the hosts' own folders. Or, as a server that is away, a
 * file system whose other end reads no request: any use of it waits, until what holds that end is killed.
 */
const efsHelper = `#!/bin/sh
if [ -e "$HIVEMIND_TEST_EFS.hangs" ]; then
  exec 3<>/dev/fuse
  mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 efs "$2" || exit
  sleep 3600 </dev/null >/dev/null 2>&1 &
  exit 0
fi
access=$(echo "$4" | sed -n 's/.*accesspoint=\\([^,]*\\).*/\\1/p')
mkdir -p "$HIVEMIND_TEST_EFS/$access"
exec mount --bind "$HIVEMIND_TEST_EFS/$access" "$2"
`;

async function addHost(options: HostOptions): Promise<DockerHost> {
  const { sandbox, id } = options;
  const dir = join(sandbox.dir, id);
  for (const name of ['udev', 'docker', 'containerd', 'root', 'sbin'])
    await mkdir(join(dir, name), { recursive: true });
  await writeFile(join(dir, 'sbin/mount.efs'), efsHelper, { mode: 0o755 });
  const flags = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private'];
  const outer = spawn('unshare', [...flags, 'sh', '-ec', setup, 'host', dir], {
    stdio: 'ignore',
    detached: true,
  });
  await sandbox.owns(outer.pid ?? 0);
  const init = await until('the host is up', async () => {
    await readFile(join(dir, 'ready'), 'utf8');
    return (await readFile(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8')).trim();
  });
  const host = hostWith(options, dir, init);
  await host.startDockerd();
  await host.exec(
    'sh',
    '-c',
    `tar -C ${sandbox.dir}/rootfs -c . | docker -H unix:///run/docker.sock import - ${image}`,
  );
  await host.startAgent();
  return host;
}

function hostWith(
  { http, bundle, id, settings, sandbox }: HostOptions,
  dir: string,
  init: string,
): DockerHost {
  const enter = ['-t', init, '-m', '-p', '--'];
  const { pluginSocket } = parseConfig({ endpoint: http.endpoint, ...settings });
  const root = join(dir, 'root');
  const exec = async (...command: string[]): Promise<string> =>
    (await run('nsenter', [...enter, ...command], { maxBuffer: 2 ** 26 })).stdout;
  /** Leaves its pid, as the host sees it, in a file. */
  const start = (name: string, command: string, env: NodeJS.ProcessEnv = {}): void => {
    const script = `echo $$ >${dir}/${name}.pid; exec ${command} >>${dir}/${name}.out 2>&1`;
    spawn('nsenter', [...enter, 'sh', '-c', script], {
      stdio: 'ignore',
      detached: true,
      env: { ...process.env, ...env },
    }).unref();
  };
  const docker = (...args: string[]): Promise<string> =>
    exec('docker', '-H', 'unix:///run/docker.sock', ...args);
  return {
    id,
    root,
    data: join(dir, 'data'),
    exec,
    docker,
    async startAgent() {
      await writeFile(
        join(dir, 'agent.json'),
        JSON.stringify({
          endpoint: http.endpoint,
          region: 'us-east-1',
          root,
          dockerSocket: '/run/docker.sock',
          allowedRoots: [join(dir, 'data')],
          logLevel: 'debug',
          ...settings,
        }),
      );
      start('agent', `${process.execPath} ${bundle} --config ${dir}/agent.json`, {
        AWS_EC2_METADATA_SERVICE_ENDPOINT: await http.metadataFor(id),
        AWS_ENDPOINT_URL: http.endpoint,
        NODE_OPTIONS: '',
        HIVEMIND_TEST_EFS: join(sandbox.dir, 'efs'),
      });
      await until('the agent answers', () => exec('ls', pluginSocket));
    },
    async kill(what, signal = 'KILL') {
      const pid = (await readFile(join(dir, `${what}.pid`), 'utf8')).trim();
      await exec('kill', `-${signal}`, pid);
      await until(`${what} has ended`, async () => !(await exec('ls', '/proc')).split('\n').includes(pid));
      await exec('rm', '-f', ...(what === 'agent' ? [pluginSocket] : ['/run/docker.pid']));
    },
    async startDockerd() {
      if (!(await exec('ls', '/run')).includes('c.sock')) {
        start(
          'containerd',
          `containerd --root ${dir}/containerd --state /run/containerd --address /run/c.sock`,
        );
        await until('containerd answers', () => exec('ls', '/run/c.sock'));
      }
      start(
        'dockerd',
        [
          `dockerd --containerd /run/c.sock --data-root ${dir}/docker --exec-root /run/docker`,
          '--pidfile /run/docker.pid --host unix:///run/docker.sock --bridge none --iptables=false --ip6tables=false',
          `--storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /${basename(sandbox.dir)}`,
        ].join(' '),
      );
      await until('dockerd answers', () => docker('version'));
    },
    path: (inside) => join(`/proc/${init}/root`, inside),
    mountinfo: () => exec('cat', '/proc/1/mountinfo'),
    agentLog: () => readFile(join(dir, 'agent.out'), 'utf8'),
  };
}
