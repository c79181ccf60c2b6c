import { closeSync, constants, openSync, rmSync, rmdirSync } from 'node:fs';
import { HostError } from './errors.ts';
import { attempt, waitFor } from './exec.ts';
import { stopImds } from './imds-process.ts';
import type { Machine } from './machine.ts';
import { mountsOf } from './namespaces.ts';
import { removeLink, removeRules } from './network.ts';
import { isAlive, kill } from './processes.ts';
import { releaseSubnet } from './subnets.ts';

/** Ends every process of a host, frozen ones too, and takes its network away. What has ended is fine. */
export async function endProcesses({ record, inside, net, tag }: Machine): Promise<void> {
  await stopImds(record);
  await thawFilesystems(record.init);
  await inside.cgroup.killAll();
  await kill(record.init);
  for (const forwarder of record.forwarders) await kill(forwarder);
  await removeRules(tag);
  await removeLink(net);
}

/** One that is frozen for a backup outlives the last mount of it and holds its device for ever: its watchdog dies here as well. */
async function thawFilesystems(init: Machine['record']['init']): Promise<void> {
  if (!isAlive(init)) return;
  for (const { path, source } of mountsOf(init.pid))
    if (source.startsWith('/dev/loop'))
      await attempt('fsfreeze', ['--unfreeze', `/proc/${init.pid}/root${path}`]);
}

/** How long a machine may take to write what is dirty, in milliseconds. */
const SHUTDOWN_MS = 30_000;

function isFree(device: string): boolean {
  try {
    closeSync(openSync(device, constants.O_RDONLY | constants.O_EXCL));
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EBUSY';
  }
}

/**
 * The last process of a host takes its mounts along, and the kernel then writes what was dirty, as a machine does that
 * shuts down. Resolves when its devices are free: a fence before that would cost data that a real stop keeps. A machine
 * that takes too long is stopped all the same, as EC2 does.
 */
export async function waitForDevices({ record, admin }: Machine): Promise<void> {
  const attachments = await admin.attachments(record.instanceId);
  const devices = attachments.flatMap(({ loop }) => loop?.device ?? []);
  try {
    await waitFor('devices are free', () => devices.every(isFree), { within: SHUTDOWN_MS });
  } catch (error) {
    if (!(error instanceof HostError && error.code === 'TimedOut')) throw error;
  }
}

function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // In use by somebody else, or gone.
  }
}

/** Removes what is left of a host whose processes have ended: its cgroup, its folder, its network. */
export async function removeRemains({ paths, record, inside }: Machine): Promise<void> {
  await inside.cgroup.remove();
  await releaseSubnet(paths.dir, record.subnet, () => {
    // Removing a mount point takes the mount away in every namespace, hence only after the last host.
    for (const dir of ['/dev/disk/by-id', '/dev/disk', '/var/lib/hivemind']) removeIfEmpty(dir);
  });
  rmSync(paths.dir, { recursive: true, force: true });
}
