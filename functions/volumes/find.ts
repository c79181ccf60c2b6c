import { ProductError } from '#shared/model/errors.ts';
import { keys } from '#shared/aws/table/keys.ts';
import type { HostRecord, VolumeRecord } from '#shared/aws/table/records.ts';
import type { HostStates } from '#shared/model/rules-use.ts';
import type { Ports } from './ports.ts';

/** @throws ProductError VolumeNotFound */
export async function findVolume(ports: Ports, namespace: string, name: string): Promise<VolumeRecord> {
  const record = await ports.table.readVolumeByName(namespace, name);
  if (record !== undefined) return record;
  throw new ProductError('VolumeNotFound', `There is no volume "${name}" in namespace "${namespace}".`, {
    value: name,
    hint: 'List the volumes; a deleted one can be undeleted until its undo window ends.',
  });
}

/** A host of the namespace. @throws ProductError HostNotFound */
export async function findHost(ports: Ports, namespace: string, hostId: string): Promise<HostRecord> {
  const record = await ports.table.readHost(hostId);
  if (record !== undefined && record.host.namespace === namespace) return record;
  throw new ProductError('HostNotFound', `There is no host "${hostId}" in namespace "${namespace}".`, {
    value: hostId,
    hint: 'A host appears when its agent has registered.',
  });
}

/**
 * What EC2 says of hosts now. EC2 forgets a terminated instance after about an hour: one that it does not know is
 * terminated only if it said so before, else nothing is known of it.
 */
export async function askStates(ports: Ports, hosts: readonly string[]): Promise<HostStates> {
  const found = await ports.instances.find(hosts);
  const states: Record<string, string> = Object.fromEntries(found.map(({ id, state }) => [id, state]));
  for (const host of hosts) {
    if (states[host] !== undefined) continue;
    const known = await ports.table.read('host', keys.host(host));
    states[host] = known?.instanceState === 'terminated' ? 'terminated' : 'unknown';
  }
  return states;
}
