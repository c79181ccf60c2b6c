import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { hostPaths } from '#local/hosts/cloud.ts';
import { hostTags, imdsConfig } from '#local/hosts/imds-process.ts';
import { adminOf } from '#local/hosts/machine.ts';
import { isAlive, processRef } from '#local/hosts/processes.ts';
import { writeJson, type CloudFile } from './cloud-file.ts';
import { socketReady } from './http.ts';
import { ensureService } from './services.ts';

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
  const path = join(hostPaths(home, name).dir, 'this-host.json');
  if (!existsSync(path))
    writeJson(path, { instanceId: `i-${randomBytes(9).toString('hex').slice(0, 17)}` } satisfies ThisHost);
  return JSON.parse(readFileSync(path, 'utf8')) as ThisHost;
}

/** Registers this machine with the storage service, serves its IMDS and runs its agent. */
export async function ensureThisHost(cloud: CloudFile, version: string): Promise<void> {
  const { home, region } = cloud;
  const { instanceId } = identity(home);
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
}

/** `mount -t efs` finds its helper in /sbin; a real amazon-efs-utils that is there stays. */
function linkEfsHelper(home: string): void {
  const target = join(home, 'storage', 'mount.efs');
  if (existsSync(efsHelper) || !existsSync(target)) return;
  rmSync(efsHelper, { force: true });
  symlinkSync(target, efsHelper);
}
