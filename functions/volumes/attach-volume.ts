import type { AttachmentItem, LeaseItem, OperationItem, VolumeItem } from '#shared/model/items.ts';
import type { HostRecord, VolumeRecord } from '#shared/aws/table/records.ts';
import { attachTo, changeAttachment } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import { decideAttach, type AttachDecision, type AttachTarget } from '#shared/model/rules-attach.ts';
import { raiseEpoch } from '#shared/model/rules-use.ts';
import { showOperation, showPrior, showUnderWay, showVolume, type Mutation } from './answer.ts';
import { askStates, findHost, findVolume } from './find.ts';
import { checkIfMatch } from './if-match.ts';
import { commit, newOperation, priorOf } from './intent.ts';
import type { Call, Ports } from './ports.ts';
import { settle } from './settle.ts';

export interface AttachRequest {
  readonly name: string;
  readonly host: string;
  readonly readOnly?: boolean | undefined;
  readonly forceDetach: boolean;
}

/** Attaches a volume to a host, on a person's word. 200: it is there; 202: it is on its way. */
export async function attachVolume(ports: Ports, call: Call, request: AttachRequest): Promise<Mutation> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return showPrior(ports, prior);
    const host = await findHost(ports, call.namespace, request.host);
    const record = await findVolume(ports, call.namespace, request.name);
    checkIfMatch(record.volume, call.ifMatch);
    const operation = await attach(ports, call, { record, host, request });
    if (operation === 'underway') return showUnderWay(ports, record.volume);
    return operation === undefined ? showVolume(ports, record.volume.id) : showOperation(operation);
  });
}

export interface AttachSubject {
  readonly record: VolumeRecord;
  readonly host: HostRecord;
  readonly request: Pick<AttachRequest, 'readOnly' | 'forceDetach'> & { readonly fills?: string | undefined };
}

/** The decision and its transaction. Undefined: the volume is there; `underway`: it is coming already. */
export async function attach(
  ports: Ports,
  call: Call,
  subject: AttachSubject,
): Promise<OperationItem | 'underway' | undefined> {
  const { volume } = subject.record;
  const decision = await decide(ports, subject);
  switch (decision.kind) {
    case 'already':
      await commit(ports, call, { writes: [], subject: volume.id, status: 200 });
      return undefined;
    case 'underway':
      await commit(ports, call, { writes: [], subject: volume.id, status: 200 });
      return 'underway';
    case 'grant':
      await grant(ports, call, { ...subject, readOnly: decision.readOnly });
      return undefined;
    case 'attach':
      return begin(ports, call, { ...subject, decision });
  }
}

async function decide(
  ports: Ports,
  { record, host, request }: AttachSubject,
): Promise<Exclude<AttachDecision, { kind: 'ask' }>> {
  const target: AttachTarget = { ...request, host: host.host, slotsUsed: slotsUsed(host) };
  const decision = decideAttach(record, target);
  if (decision.kind !== 'ask') return decision;
  const informed = decideAttach(record, target, await askStates(ports, decision.hosts));
  if (informed.kind !== 'ask') return informed;
  throw new ProductError('Unavailable', 'EC2 does not say whether the holder is stopped.');
}

/** EBS volumes that the host has or is getting: each has a device name, or is attaching. */
function slotsUsed({ attachments }: HostRecord): number {
  return attachments.filter(({ device, actual }) => device !== undefined || actual === 'attaching').length;
}

async function grant(
  ports: Ports,
  call: Call,
  { record, host, readOnly }: AttachSubject & { readOnly: boolean },
): Promise<void> {
  const { volume } = record;
  const now = ports.clock().toISOString();
  const attachment: AttachmentItem = {
    ...newAttachment(volume, host, now),
    actual: 'attached',
    readOnly,
    // Grows from one attachment to the next, as the record's revision does.
    epoch: volume.revision + 1,
  };
  const next = { ...volume, hosts: [...volume.hosts, host.host.id].sort(), updatedAt: now };
  await commit(ports, call, {
    writes: [replace('volume', volume, next), ...attachTo(attachment)],
    subject: volume.id,
    status: 200,
    wake: [host.host.id],
  });
}

/** Single writer. The lease must be exactly as it was read: a boot or a mount in between wins. */
async function begin(
  ports: Ports,
  call: Call,
  { record, host, decision }: AttachSubject & { decision: AttachDecision & { kind: 'attach' } },
): Promise<OperationItem> {
  const { volume } = record;
  const lease = leaseOf(record);
  const { from, force, readOnly } = decision;
  const now = ports.clock().toISOString();
  const hostId = host.host.id;
  const taken = raiseEpoch(lease, now, hostId);
  const { epoch } = taken;
  const message =
    from === undefined ? 'Waiting to be attached' : `Waiting to be handed over by ${from.hostId}`;
  const parts = {
    kind: 'attach',
    message,
    host: hostId,
    fromHost: from?.hostId,
    forceDetach: force,
    epoch,
  } as const;
  const operation = newOperation(ports, call, { volume, parts });
  const attachment: AttachmentItem = { ...newAttachment(volume, host, now), readOnly, epoch };
  const next: VolumeItem = {
    ...volume,
    state: volume.state === 'unplaced' ? 'creating' : 'attaching',
    availabilityZone: volume.availabilityZone ?? host.host.availabilityZone,
    operation: operation.id,
    updatedAt: now,
  };
  await commit(ports, call, {
    writes: [
      replace('lease', lease, taken),
      replace('volume', volume, next),
      ...attachTo(attachment),
      ...(from === undefined ? [] : changeAttachment(from, { ...from, desired: 'detached' })),
    ],
    subject: volume.id,
    status: 202,
    operation,
    ...(from === undefined ? {} : { wake: [from.hostId] }),
  });
  return operation;
}

function newAttachment(volume: VolumeItem, { host }: HostRecord, now: string): AttachmentItem {
  return {
    volumeId: volume.id,
    hostId: host.id,
    namespace: volume.namespace,
    desired: 'attached',
    actual: 'attaching',
    readOnly: volume.readOnly,
    epoch: 0,
    inUse: false,
    since: now,
  };
}

/** The lease of a single-writer volume. */
export function leaseOf({ volume, lease }: Pick<VolumeRecord, 'volume' | 'lease'>): LeaseItem {
  if (lease !== undefined) return lease;
  throw new ProductError('Internal', `"${volume.name}" has no lease.`, { about: { volumeId: volume.id } });
}
