import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  rmdirSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { hostPaths } from '#local/hosts/cloud.ts';
import { run, waitFor } from '#local/hosts/exec.ts';
import { hostTags, imdsConfig } from '#local/hosts/imds-process.ts';
import { adminOf } from '#local/hosts/machine.ts';
import { isAlive, processRef } from '#local/hosts/processes.ts';
import { writeJson, type CloudFile } from './cloud-file.ts';
import { CloudError } from './errors.ts';
import { callSocket, socketReady } from './http.ts';
import { currentMountUsers } from './mount-users.ts';
import { ensureService, runningProcess } from './services.ts';
import { cloudOfThisMachine, freeThisMachine, takeThisMachine, thisHostFile } from './this-machine.ts';

/** This machine as a host of the cloud: no namespaces, its own /dev, /run and /var/lib/hivemind. */
const name = 'local';
const zoneSuffix = 'a';
const agentRoot = '/var/lib/hivemind';
const healthSocket = '/run/hivemind/agent.sock';
const efsHelper = '/sbin/mount.efs';

interface ThisHost {
  readonly instanceId: string;
}

function identity(home: string): ThisHost {
  const path = thisHostFile(home);
  if (!existsSync(path))
    writeJson(path, { instanceId: `i-${randomBytes(9).toString('hex').slice(0, 17)}` } satisfies ThisHost);
  return JSON.parse(readFileSync(path, 'utf8')) as ThisHost;
}

/** Who else has this machine: another local cloud, or an agent that none has started. */
export async function whoHasThisMachine(home: string): Promise<string | undefined> {
  const other = cloudOfThisMachine();
  if (other !== undefined && other !== home) return `the local cloud in ${other}`;
  const ours = runningProcess(home, `agent-${name}`) !== undefined;
  return !ours && (await socketReady(healthSocket)) ? `the agent behind ${healthSocket}` : undefined;
}

/** Registers this machine with the storage service, serves its IMDS and runs its agent. */
export async function ensureThisHost(cloud: CloudFile, version: string): Promise<void> {
  const { home, region } = cloud;
  const { instanceId } = identity(home);
  takeThisMachine(home);
  const zone = `${region}${zoneSuffix}`;
  for (const dir of ['/dev/disk/by-id', '/run/udev/data', '/run/docker/plugins', agentRoot])
    mkdirSync(dir, { recursive: true });
  await adminOf(cloud).putInstance(instanceId, {
    name,
    availabilityZone: zone,
    instanceType: 't3.medium',
    privateIpAddress: '127.0.0.1',
    byIdDir: '/dev/disk/by-id',
    udevDir: '/run/udev/data',
    tags: hostTags(name),
  });
  linkEfsHelper(home);
  const endpoint = await ensureImds(cloud, { instanceId, zone, version });
  await ensureAgent(cloud, { endpoint, version });
}

interface ImdsOptions {
  readonly instanceId: string;
  readonly zone: string;
  readonly version: string;
}

async function ensureImds(cloud: CloudFile, { instanceId, zone, version }: ImdsOptions): Promise<string> {
  const { home } = cloud;
  const paths = hostPaths(home, name);
  const ready = join(paths.dir, 'imds.ready');
  const previous = existsSync(ready)
    ? (JSON.parse(readFileSync(ready, 'utf8')) as { port: number })
    : undefined;
  const machine = { name, instanceId, instanceType: 't3.medium', zone };
  const where = {
    listen: { address: '127.0.0.1', port: previous?.port ?? 0 },
    privateIp: '127.0.0.1',
    stsEndpoint: `http://127.0.0.1:${cloud.ports.aws}`,
  };
  const config = imdsConfig(cloud, machine, where);
  writeJson(paths.imdsConfig, config);
  const readPort = (): { port: number; pid: number } | undefined =>
    existsSync(ready)
      ? (JSON.parse(readFileSync(ready, 'utf8')) as { port: number; pid: number })
      : undefined;
  await ensureService(home, {
    name: `imds-${name}`,
    version,
    argv: [
      join(home, 'runtime', 'node'),
      join(home, 'runtime', 'bundles', 'imds.mjs'),
      '--config',
      paths.imdsConfig,
    ],
    ready: () => {
      const found = readPort();
      return Promise.resolve(found !== undefined && isAlive(processRef(found.pid)));
    },
  });
  return `http://127.0.0.1:${readPort()?.port ?? 0}`;
}

async function ensureAgent(
  cloud: CloudFile,
  { endpoint, version }: { endpoint: string; version: string },
): Promise<void> {
  const { home, region } = cloud;
  const { agentConfig } = hostPaths(home, name);
  writeJson(agentConfig, {
    endpoint: `http://127.0.0.1:${cloud.ports.api}`,
    region,
    root: agentRoot,
    healthSocket,
  });
  await ensureService(home, {
    name: `agent-${name}`,
    version,
    argv: [
      join(home, 'runtime', 'node'),
      join(home, 'runtime', 'bundles', 'agent.mjs'),
      '--config',
      agentConfig,
    ],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      AWS_REGION: region,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${cloud.ports.aws}`,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint,
    },
    ready: () => socketReady(healthSocket),
    grace: 30_000,
  });
  await waitFor('the agent of this host is registered', isRegistered, { within: 60_000 });
}

async function isRegistered(): Promise<boolean> {
  const { body } = await callSocket(healthSocket, { path: '/health' });
  return (JSON.parse(body) as { linked?: boolean }).linked === true;
}

/** `mount -t efs` finds its helper in /sbin; a real amazon-efs-utils that is there stays. */
function linkEfsHelper(home: string): void {
  const target = helperOf(home);
  if (ownHelper() === undefined && existsSync(efsHelper)) return;
  rmSync(efsHelper, { force: true });
  symlinkSync(target, efsHelper);
}

const helperOf = (home: string): string => join(home, 'storage', 'mount.efs');

/** Where /sbin/mount.efs leads if a local cloud put it there. */
function ownHelper(): string | undefined {
  if (lstatSync(efsHelper, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
  const target = readlinkSync(efsHelper);
  return target.endsWith('/storage/mount.efs') ? target : undefined;
}

/**
 * Nothing on this machine uses a volume of the cloud: what goes on below would take the device away under a container.
 * @throws CloudError InUse naming the volumes' paths and who uses them
 */
export function requireIdle(home: string): void {
  if (cloudOfThisMachine() !== home) return;
  const users = currentMountUsers(agentRoot);
  if (users.length === 0) return;
  const named = users.map(({ path, pid, command }) => `${path} (by ${command}, pid ${pid})`);
  throw new CloudError(
    'InUse',
    `Containers on this machine still use volumes of this cloud: ${named.join(', ')}. Nothing is changed. Remove the containers ("docker ps" lists them), then repeat.`,
  );
}

/**
 * Takes this machine out of the cloud: its volumes are unmounted, its agent's records and the helper go.
 * @throws HostError CommandFailed naming a mount that something still uses.
 */
export async function leaveThisHost(home: string): Promise<void> {
  if (cloudOfThisMachine() !== home) return;
  for (const path of mountsBelow(agentRoot)) await run('umount', [path]);
  for (const name of ['records', 'holds.json', 'manifests'])
    rmSync(join(agentRoot, name), { recursive: true, force: true });
  for (const part of ['volumes', 'mounts', 'purges', 'looks', 'verify'])
    removeEmptyFolders(join(agentRoot, part));
  if (ownHelper() === helperOf(home)) rmSync(efsHelper);
  freeThisMachine(home);
}

/** Mount points only: whatever holds anything stays, since it may be somebody's data. */
function removeEmptyFolders(dir: string): void {
  if (!existsSync(dir)) return;
  for (const path of [...readdirSync(dir).map((child) => join(dir, child)), dir]) {
    try {
      rmdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    }
  }
}

/** Deepest first. */
function mountsBelow(root: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((path) => path.startsWith(`${root}/`))
    .reverse();
}
