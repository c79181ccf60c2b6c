import type { Say } from './boot.ts';
import type { HostCloud } from './cloud.ts';
import { listHosts } from './host-file.ts';
import { removeHost, startHost } from './hosts.ts';
import { isUp, machineOf } from './machine.ts';

/** What a host is like right now. `state`: `frozen` and `off` are the kernel's word, `ec2` the storage service's. */
export interface HostStatus {
  readonly name: string;
  readonly instanceId: string;
  readonly zone: string;
  readonly address: string;
  readonly state: 'running' | 'frozen' | 'off';
  readonly ec2: string;
  readonly bootId: string | undefined;
}

/** What is known and seen of every host. */
export async function hostStatuses(cloud: HostCloud): Promise<HostStatus[]> {
  const statuses: HostStatus[] = [];
  for (const record of listHosts(cloud.home)) {
    const machine = machineOf(cloud, record);
    const ec2 = await machine.admin.instanceState(record.instanceId).catch(() => undefined);
    const up = isUp(machine) ? 'running' : 'off';
    statuses.push({
      name: record.name,
      instanceId: record.instanceId,
      zone: record.zone,
      address: machine.net.address,
      state: machine.inside.cgroup.isFrozen() ? 'frozen' : up,
      ec2: ec2 ?? 'unknown',
      bootId: record.bootId,
    });
  }
  return statuses;
}

/** For `up`: starts every host that nobody has stopped, each as another boot unless it still runs. */
export async function resumeHosts(cloud: HostCloud, say?: Say): Promise<void> {
  for (const { name, desired } of listHosts(cloud.home)) {
    if (desired === 'running') await startHost(cloud, name, say);
  }
}

/** Removes every host of a cloud. */
export async function removeHosts(cloud: HostCloud): Promise<void> {
  for (const { name } of listHosts(cloud.home)) await removeHost(cloud, name);
}
