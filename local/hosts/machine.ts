import { isAbsolute, join } from 'node:path';
import { hostCgroup } from './cgroup.ts';
import { hostPaths } from './cloud.ts';
import type { HostCloud, HostPaths } from './cloud.ts';
import { readHost } from './host-file.ts';
import type { HostRecord } from './host-file.ts';
import type { Inside } from './namespaces.ts';
import { isAlive } from './processes.ts';
import { storageAdmin } from './storage-admin.ts';
import type { StorageAdmin } from './storage-admin.ts';
import { subnet } from './subnets.ts';
import type { Subnet } from './subnets.ts';
import { HostError } from './errors.ts';

/** A host with everything that is needed to work on it. */
export interface Machine {
  readonly cloud: HostCloud;
  readonly record: HostRecord;
  readonly paths: HostPaths;
  readonly net: Subnet;
  readonly inside: Omit<Inside, 'init'>;
  readonly admin: StorageAdmin;
  /** What all rules of this host are marked with. */
  readonly tag: string;
}

/** The admin socket of a cloud's storage service. */
export function adminOf(cloud: HostCloud): StorageAdmin {
  const path = cloud.sockets.storageAdmin;
  return storageAdmin(isAbsolute(path) ? path : join(cloud.home, path));
}

/** Puts a machine together from its record. */
export function machineOf(cloud: HostCloud, record: HostRecord): Machine {
  return {
    cloud,
    record,
    paths: hostPaths(cloud.home, record.name),
    net: subnet(record.subnet),
    inside: { cgroup: hostCgroup(record.cgroup) },
    admin: adminOf(cloud),
    tag: record.cgroup,
  };
}

/** A machine by name. @throws HostError `HostNotFound`. */
export function findMachine(cloud: HostCloud, name: string): Machine {
  return machineOf(cloud, readHost(cloud.home, name));
}

/** Whether the host's first process runs (frozen or not). */
export function isUp({ record }: Machine): boolean {
  return isAlive(record.init);
}

/** How to get into a running host. @throws HostError `HostNotRunning`, also for a frozen one: what enters it would hang. */
export function insideOf(machine: Machine): Inside {
  const { record, inside } = machine;
  if (!isAlive(record.init)) {
    throw new HostError(
      'HostNotRunning',
      `Host "${record.name}" does not run; "host start ${record.name}" starts it.`,
    );
  }
  if (inside.cgroup.isFrozen()) {
    throw new HostError(
      'HostNotRunning',
      `Host "${record.name}" is frozen; "host thaw ${record.name}" lets it go on.`,
    );
  }
  return { ...inside, init: record.init };
}
