import type { Host } from '#shared/model/host.ts';
import { details } from './table.ts';
import { ago } from './time.ts';
import { shortId, type Columns } from './volume.ts';

type HostVolume = NonNullable<Host['volumes']>[number];

export function hostColumns(now: number): Columns<Host> {
  return {
    ID: ({ id }) => id,
    HOSTNAME: ({ hostname }) => hostname,
    ZONE: ({ availabilityZone }) => availabilityZone,
    INSTANCE: ({ instanceType, instanceState }) => `${instanceType} ${instanceState}`,
    AGENT: ({ agentVersion }) => agentVersion,
    DRIVERS: ({ drivers }) => drivers.join(','),
    DRAINING: ({ draining }) => (draining ? 'yes' : ''),
    SEEN: ({ lastSeenAt }) => ago(lastSeenAt, now),
  };
}

export function hostDetails(host: Host, now: number): string {
  return details([
    ['Id', host.id],
    ['Hostname', host.hostname],
    ['Namespace', host.namespace],
    ['Zone', host.availabilityZone],
    ['Instance', `${host.instanceType}, ${host.instanceState}`],
    ['Agent', `${host.agentVersion}, drivers ${host.drivers.join(', ')}`],
    ['Boot', host.bootId],
    ['Draining', host.draining ? 'yes' : 'no'],
    ['Registered', `${host.registeredAt} (${ago(host.registeredAt, now)})`],
    ['Last seen', `${host.lastSeenAt} (${ago(host.lastSeenAt, now)})`],
    ...(host.volumes ?? []).map((volume) => ['Volume', hostVolumeText(volume)] as const),
  ]);
}

/** "db: in use by 3f2a… web" or "db: idle". */
export function hostVolumeText({ name, inUse, containers }: HostVolume): string {
  if (!inUse) return `${name}: idle`;
  return containers.length === 0
    ? `${name}: in use`
    : `${name}: in use by ${containers.map(shortId).join(' ')}`;
}
