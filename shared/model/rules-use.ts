import { ProductError } from './errors.ts';
import type { AttachmentItem, LeaseItem, ObservationItem, VolumeItem } from './items.ts';
import { driverTraits, type Driver } from './volume.ts';

/** What the rules look at: a volume's partition, read in one consistent query. */
export interface VolumeFacts {
  readonly volume: VolumeItem;
  readonly lease: LeaseItem | undefined;
  readonly attachments: readonly AttachmentItem[];
  readonly observations: readonly ObservationItem[];
}

/** A host that uses a volume, with the containers it last reported. */
export interface User {
  readonly host: string;
  readonly containers: readonly string[];
}

/** What EC2 says of hosts, by id; `unknown` where it knows nothing of one and never said that it was terminated. */
export type HostStates = Readonly<Record<string, string>>;

/** Contract 3: the only states in which a holder is known not to write. Not stopping, not shutting-down. */
const powerless: ReadonlySet<string> = new Set(['stopped', 'terminated']);

/** Which worker serves a driver's operations: EBS has its own; all that many hosts may use share one. */
export function workerOf(driver: Driver): 'ebs' | 'efs' {
  return driver === 'ebs' ? 'ebs' : 'efs';
}

export function isSingleWriter(driver: Driver): boolean {
  return driverTraits[driver].hosts === 'one';
}

/** Whether the host holds the volume, or may: the lease's word for single writers, else the attachment's. */
export function isInUse(
  { volume, lease }: Pick<VolumeFacts, 'volume' | 'lease'>,
  attachment: AttachmentItem,
): boolean {
  if (!isSingleWriter(volume.driver)) return attachment.inUse;
  return lease !== undefined && lease.holder === attachment.hostId && lease.inUse;
}

/** Id of the use that the host holds it for; undefined when it holds it for none, or gave it no id. */
export function useOf(
  facts: Pick<VolumeFacts, 'volume' | 'lease'>,
  attachment: AttachmentItem,
): string | undefined {
  if (!isInUse(facts, attachment)) return undefined;
  return isSingleWriter(facts.volume.driver) ? facts.lease?.use : attachment.use;
}

/** The host's last word on an attachment; words under another epoch do not count. */
export function observationOf(
  { observations }: Pick<VolumeFacts, 'observations'>,
  attachment: AttachmentItem,
): ObservationItem | undefined {
  return observations.find(({ hostId, epoch }) => hostId === attachment.hostId && epoch === attachment.epoch);
}

/** Who uses the volume now. */
export function usersOf(facts: VolumeFacts): User[] {
  return facts.attachments
    .filter((attachment) => isInUse(facts, attachment))
    .map((attachment) => ({
      host: attachment.hostId,
      containers: observationOf(facts, attachment)?.containers ?? [],
    }));
}

/** Users that EC2 does not say are powerless; `ask` when EC2 was not asked about one of them yet. */
export function liveUsers(
  users: readonly User[],
  states: HostStates,
): { readonly ask: readonly string[]; readonly live: readonly User[] } {
  return {
    ask: users.map(({ host }) => host).filter((host) => states[host] === undefined),
    live: users.filter(({ host }) => !powerless.has(states[host] ?? 'running')), // guard: powerless off: live: users.filter(({ host }) => ['running', undefined].includes(states[host])),
  };
}

/** Who is in the way, and what EC2 said of them. */
export interface InTheWay {
  readonly live: readonly User[];
  readonly states: HostStates;
}

/** VolumeBusy, naming who uses it. Of a machine that EC2 knows nothing of nobody but a person can know that it is gone. */
export function busy(volume: VolumeItem, { live: users, states }: InTheWay, hint: string): ProductError {
  const forgotten = users.map(({ host }) => host).filter((host) => states[host] === 'unknown');
  const who = users.map(({ host, containers }) =>
    containers.length === 0 ? host : `${host} (containers ${containers.join(', ')})`,
  );
  return new ProductError('VolumeBusy', `"${volume.name}" is in use on ${who.join(' and ')}.`, {
    value: volume.name,
    about: {
      volumeId: volume.id,
      hosts: users.map(({ host }) => host).join(','),
      containers: users.flatMap(({ containers }) => containers).join(','),
    },
    hint: forgotten.length === 0 ? hint : byForce(forgotten),
  });
}

function byForce(hosts: readonly string[]): string {
  const who = hosts.join(' and ');
  return `EC2 knows nothing of ${who}: if that machine is gone for good, take the volume from it with --force-detach; what it had not synced is lost.`;
}

/** Somebody else's operation owns the volume. */
export function underWay(volume: VolumeItem): ProductError {
  return new ProductError('OperationInProgress', `"${volume.name}" is ${volume.state}.`, {
    value: volume.state,
    about: {
      volumeId: volume.id,
      ...(volume.operation === undefined ? {} : { operation: volume.operation }),
    },
    hint: 'Wait for the operation to end, then repeat the call.',
  });
}

/** Its files are being restored, or could not be: what is in it counts for nothing yet. @throws ProductError IllegalState */
export function refuseFilling({ id, name, filling }: VolumeItem): void {
  if (filling === undefined) return;
  throw new ProductError('IllegalState', `The files of "${name}" are not restored.`, {
    value: name,
    about: { volumeId: id, operation: filling },
    hint: 'Wait for the operation; if that failed, restore in place again, or delete the volume.',
  });
}

/** The volume's state does not allow it. */
export function illegal(volume: VolumeItem, detail: string, hint: string): ProductError {
  return new ProductError('IllegalState', detail, {
    value: volume.state,
    about: { volumeId: volume.id },
    hint,
  });
}

/** The lease under the next epoch: whoever held it before is stale. Without a holder nobody has it. */
export function raiseEpoch(lease: LeaseItem, now: string, holder?: string): LeaseItem {
  return {
    ...lease,
    epoch: lease.epoch + 1,
    holder,
    bootId: undefined,
    inUse: false,
    use: undefined,
    updatedAt: now,
  };
}
