import { copyFileSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { startAgent } from './agent.ts';
import { startDocker } from './docker.ts';
import { launch, waitFor } from './exec.ts';
import { accepts } from './forward.ts';
import { saveHost } from './host-file.ts';
import { ensureImage } from './image.ts';
import { hostRole, hostTags, startImds } from './imds-process.ts';
import { insideOf, isUp, machineOf } from './machine.ts';
import type { Machine } from './machine.ts';
import { runInside, setUp, startInit } from './namespaces.ts';
import { connect, hasIptables, loopbackCommands, openPorts } from './network.ts';
import { nodeOf, bundleOf } from './cloud.ts';
import { processRef } from './processes.ts';
import type { ProcessRef } from './processes.ts';

/** Says what is going on, one line a step. */
export type Say = (line: string) => void;

function register({ cloud, record, paths, net, admin }: Machine): Promise<void> {
  const role = hostRole(cloud);
  return admin.putInstance(record.instanceId, {
    name: record.name,
    availabilityZone: record.zone,
    instanceType: record.instanceType,
    privateIpAddress: net.address,
    byIdDir: paths.byId,
    udevDir: paths.udev,
    tags: hostTags(record.name, record.namespace),
    ...(role ? { roleArn: role.arn } : {}),
  });
}

/** The storage service knows the instance, has it running (after a power loss too), and its devices are there. */
export async function powerOn(machine: Machine): Promise<void> {
  const { record, admin } = machine;
  if ((await admin.instanceState(record.instanceId)) !== undefined) {
    await admin.setPower(record.instanceId, 'running');
  }
  await register(machine);
}

function makeFolders(machine: Machine): void {
  const { cloud, paths } = machine;
  for (const dir of [paths.byId, paths.udev, paths.vol, paths.sbin, paths.log]) {
    mkdirSync(dir, { recursive: true });
  }
  // Shared mount points: the host binds its own folders over them.
  mkdirSync('/dev/disk/by-id', { recursive: true });
  mkdirSync('/var/lib/hivemind', { recursive: true });
  const helper = join(cloud.home, 'storage', 'mount.efs');
  if (existsSync(helper)) copyFileSync(helper, join(paths.sbin, 'mount.efs'));
}

/** Without iptables: one process at the gateway, and one at the host's own loopback. */
async function startForwarders(
  { cloud, net, paths, record }: Machine,
  ports: readonly number[],
): Promise<ProcessRef[]> {
  const forward = [nodeOf(cloud.home), bundleOf(cloud.home, 'forward')];
  const log = join(paths.log, 'forward.log');
  const numbers = ports.map(String);
  const enter = ['nsenter', '-t', String(record.init?.pid), '-n', '--'];
  const outer = await launch([...forward, net.gateway, '127.0.0.1', ...numbers], log);
  for (const port of ports) await waitFor(`the forwarder of port ${port}`, () => accepts(net.gateway, port));
  const inner = await launch([...enter, ...forward, '127.0.0.1', net.gateway, ...numbers], log);
  return [outer, inner].flatMap((pid) => processRef(pid) ?? []);
}

/** Makes the cloud's ports reachable from the host. */
async function openCloud(machine: Machine): Promise<Machine> {
  const { cloud, net, tag, record } = machine;
  const ports = [...new Set([cloud.ports.aws, cloud.ports.api])];
  if (!(await hasIptables())) {
    const forwarders = await startForwarders(machine, ports);
    return machineOf(cloud, saveHost(cloud.home, { ...record, forwarders }));
  }
  await openPorts(net, tag, ports);
  for (const command of loopbackCommands(net, ports)) await runInside(insideOf(machine), command);
  return machine;
}

/** The first process with its namespaces, network and view; a new boot, with a new boot id. */
async function bootNamespaces(machine: Machine): Promise<Machine> {
  const { cloud, record, paths, net, inside } = machine;
  makeFolders(machine);
  const bootId = randomUUID();
  writeFileSync(paths.bootId, `${bootId}\n`, { mode: 0o444 });
  // Whatever an interrupted start left running is not this boot.
  await inside.cgroup.killAll();
  inside.cgroup.create();
  const init = await startInit(inside.cgroup, join(paths.log, 'init.log'));
  const { imds: _old, ...rest } = record;
  const booting = saveHost(cloud.home, { ...rest, init, bootId, booting: true, forwarders: [] });
  await connect(net, init.pid);
  await setUp(
    { ...inside, init },
    { paths, hostname: record.name, net, sbin: realpathSync('/sbin'), keep: [cloud.home] },
  );
  const opened = await openCloud(machineOf(cloud, booting));
  return machineOf(cloud, saveHost(cloud.home, { ...opened.record, booting: false }));
}

/**
 * Brings a host to what its record asks for. Pieces that run are left alone, missing ones are started: it serves the
 * first start, a reboot, and what a killed process or an interrupted start left.
 */
export async function boot(machine: Machine, say: Say): Promise<Machine> {
  const { cloud } = machine;
  let current = machine;
  if (!isUp(current) || current.record.booting) {
    say(`${machine.record.name}: boots`);
    current = await bootNamespaces(current);
  }
  const imds = await startImds(cloud, current.record, current.net);
  current = machineOf(cloud, saveHost(cloud.home, { ...current.record, imds }));
  const inside = insideOf(current);
  if (current.record.agent) {
    say(`${machine.record.name}: agent starts`);
    await startAgent(current);
  }
  if (current.record.docker) {
    say(`${machine.record.name}: docker starts`);
    await startDocker(inside, current.paths.dir);
    await ensureImage(inside, cloud.home);
  }
  return current;
}
