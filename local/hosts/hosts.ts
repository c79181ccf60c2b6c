import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { boot, powerOn } from './boot.ts';
import type { Say } from './boot.ts';
import { hostPaths } from './cloud.ts';
import type { HostCloud } from './cloud.ts';
import { HostError } from './errors.ts';
import { findHost, saveHost } from './host-file.ts';
import type { HostRecord } from './host-file.ts';
import { withLock } from './lock.ts';
import { adminOf, findMachine, isUp, machineOf } from './machine.ts';
import type { Machine } from './machine.ts';
import { endProcesses, removeRemains, waitForDevices } from './shutdown.ts';
import { claimSubnet } from './subnets.ts';

/**
 * What {@link addHost} takes besides the name; zone default: the region's first, type default: t3.medium, namespace (whose
 * volumes it serves) default: `default`.
 */
export interface AddOptions {
  readonly namespace?: string;
  readonly zone?: string;
  readonly instanceType?: string;
  readonly docker?: boolean;
  readonly agent?: boolean;
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

function checkName(name: string): void {
  if (name === 'local')
    throw new HostError('Usage', '"local" is this machine itself; it comes with "npm run up".');
  if (!NAME.test(name)) {
    throw new HostError(
      'Usage',
      `Host name "${name}": a small letter, then small letters, digits and "-", 32 at most.`,
    );
  }
}

function onHost<T>(cloud: HostCloud, name: string, work: () => Promise<T>): Promise<T> {
  return withLock(`host ${cloud.home} ${name}`, work);
}

async function newRecord(cloud: HostCloud, name: string, options: AddOptions): Promise<HostRecord> {
  const { dir } = hostPaths(cloud.home, name);
  mkdirSync(dir, { recursive: true });
  const net = await claimSubnet(dir);
  const home = createHash('sha256').update(cloud.home).digest('hex').slice(0, 8);
  return {
    version: 1,
    name,
    instanceId: `i-${randomBytes(9).toString('hex').slice(0, 17)}`,
    zone: options.zone ?? `${cloud.region}a`,
    instanceType: options.instanceType ?? 't3.medium',
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    subnet: net.number,
    cgroup: `hivemind-${home}-${name}`,
    docker: options.docker ?? true,
    agent: options.agent ?? true,
    desired: 'running',
    createdAt: new Date().toISOString(),
    booting: false,
    forwarders: [],
  };
}

async function bringUp(cloud: HostCloud, record: HostRecord, say: Say): Promise<Machine> {
  const { dir } = hostPaths(cloud.home, record.name);
  const net = isUp(machineOf(cloud, record)) ? record.subnet : (await claimSubnet(dir, record.subnet)).number;
  const machine = machineOf(cloud, saveHost(cloud.home, { ...record, subnet: net, desired: 'running' }));
  await powerOn(machine);
  return boot(machine, say);
}

/** A removal that was interrupted has terminated the instance, and an instance does not come back from that. */
async function isTerminated(cloud: HostCloud, { instanceId }: HostRecord): Promise<boolean> {
  const state = await adminOf(cloud).instanceState(instanceId);
  return state === 'terminated' || state === 'shutting-down';
}

/** Makes a host and waits until its agent and its Docker answer. A host of that name that is there is completed and started. */
export function addHost(
  cloud: HostCloud,
  name: string,
  options: AddOptions & { say?: Say } = {},
): Promise<Machine> {
  checkName(name);
  return onHost(cloud, name, async () => {
    const old = findHost(cloud.home, name);
    if (old && (await isTerminated(cloud, old))) await remove(cloud, name);
    const record = findHost(cloud.home, name) ?? saveHost(cloud.home, await newRecord(cloud, name, options));
    return bringUp(cloud, record, options.say ?? (() => undefined));
  });
}

/**
 * EC2's start: devices come back, the boot id is new. On a running host it starts whatever of it has died. Processes
 * that a stop left frozen end first: the instance that starts is another boot.
 */
export function startHost(cloud: HostCloud, name: string, say: Say = () => undefined): Promise<Machine> {
  return onHost(cloud, name, async () => {
    const machine = findMachine(cloud, name);
    if (machine.record.desired === 'stopped') await endProcesses(machine);
    return bringUp(cloud, machine.record, say);
  });
}

function setDesired(machine: Machine, desired: HostRecord['desired']): HostRecord {
  return saveHost(machine.cloud.home, { ...machine.record, desired });
}

/**
 * EC2's stop: the machine shuts down (what is dirty is written), and every device of it is fenced before EC2 says
 * `stopped`. A frozen machine does not shut down: EC2 fences it all the same, and its processes stay, to be thawed.
 */
export function stopHost(cloud: HostCloud, name: string): Promise<void> {
  return onHost(cloud, name, async () => {
    const machine = findMachine(cloud, name);
    setDesired(machine, 'stopped');
    if (!machine.inside.cgroup.isFrozen()) {
      await endProcesses(machine);
      await waitForDevices(machine);
    }
    await machine.admin.setPower(machine.record.instanceId, 'stopped');
  });
}

/** Ends the processes of a host whose cloud goes down; `desired` and the instance's state stay. */
export function parkHost(cloud: HostCloud, name: string): Promise<void> {
  return onHost(cloud, name, async () => {
    const machine = findMachine(cloud, name);
    await endProcesses(machine);
    await waitForDevices(machine).catch(ignoreHostError);
  });
}

/** Power loss: nothing reaches a device any more, then everything ends. The machine is off until it is started. */
export function cutHost(cloud: HostCloud, name: string): Promise<void> {
  return onHost(cloud, name, async () => {
    const machine = findMachine(cloud, name);
    await machine.admin.crash(machine.record.instanceId);
    setDesired(machine, 'stopped');
    await endProcesses(machine);
  });
}

/** Every process of the host stops where it is; its devices and its EC2 state stay as they are. */
export function freezeHost(cloud: HostCloud, name: string): Promise<void> {
  return onHost(cloud, name, async () => {
    const machine = findMachine(cloud, name);
    if (!isUp(machine))
      throw new HostError('HostNotRunning', `Host "${name}" does not run, so it cannot be frozen.`);
    await machine.inside.cgroup.freeze();
  });
}

/** A frozen host goes on, even if EC2 has stopped it meanwhile: that is how a lost machine comes back. */
export function thawHost(cloud: HostCloud, name: string): Promise<void> {
  return onHost(cloud, name, () => findMachine(cloud, name).inside.cgroup.thaw());
}

function ignoreHostError(error: unknown): void {
  if (!(error instanceof HostError)) throw error;
}

async function remove(cloud: HostCloud, name: string): Promise<void> {
  const { dir } = hostPaths(cloud.home, name);
  if (!existsSync(dir)) return;
  const record = findHost(cloud.home, name) ?? (await newRecord(cloud, name, {}));
  const machine = machineOf(cloud, record);
  await endProcesses(machine);
  // Removing must work while the cloud is down too; the state of that cloud is then about to be wiped as well.
  await machine.admin.setPower(record.instanceId, 'terminated').catch(ignoreHostError);
  await removeRemains(machine);
}

/** Terminates the instance and removes all that there is of the host. One that is gone, or never was, is fine. */
export function removeHost(cloud: HostCloud, name: string): Promise<void> {
  checkName(name);
  return onHost(cloud, name, () => remove(cloud, name));
}
