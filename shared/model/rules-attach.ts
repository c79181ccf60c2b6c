import { ProductError } from './errors.ts';
import type { AttachmentItem, HostItem } from './items.ts';
import {
  busy,
  illegal,
  isSingleWriter,
  liveUsers,
  refuseFilling,
  underWay,
  usersOf,
  type HostStates,
  type VolumeFacts,
} from './rules-use.ts';
import { busyStates, tombstoneStates } from './states.ts';

/** The host that shall get a volume. */
export interface AttachTarget {
  readonly host: HostItem;
  /** EBS volumes it has or is about to have. */
  readonly slotsUsed: number;
  readonly readOnly?: boolean | undefined;
  /** A person said so: hand over although the holder may still write. */
  readonly forceDetach: boolean;
  /** The operation that the host restores the volume's files for. */
  readonly fills?: string | undefined;
}

export type AttachDecision =
  /** It is there. */
  | { readonly kind: 'already'; readonly attachment: AttachmentItem }
  /** It is on its way there. */
  | { readonly kind: 'underway'; readonly attachment: AttachmentItem }
  /** EC2 must say first whether these hosts are stopped or terminated. */
  | { readonly kind: 'ask'; readonly hosts: readonly string[] }
  /** Drivers that many hosts may use: recorded, and done. */
  | { readonly kind: 'grant'; readonly readOnly: boolean }
  /** Single writer: raise the epoch, detach from `from` where there is one, attach. */
  | {
      readonly kind: 'attach';
      readonly readOnly: boolean;
      readonly from: AttachmentItem | undefined;
      readonly force: boolean;
    };

/**
 * Contract 3's rule for giving a volume to a host.
 * @throws ProductError VolumeBusy naming the holder; OperationInProgress, IllegalState, HostDraining, NotSupported, LimitExceeded.
 */
export function decideAttach(
  facts: VolumeFacts,
  target: AttachTarget,
  states: HostStates = {},
): AttachDecision {
  const { volume, attachments } = facts;
  const here = attachments.find(({ hostId }) => hostId === target.host.id);
  if (here !== undefined) return decideHere(facts, here, target);
  refuseState(facts);
  if (facts.volume.filling !== target.fills) refuseFilling(facts.volume); // guard: filling-alone
  refuseTarget(facts, target);
  // Whoever restores the files writes them, also where containers may only read.
  const readOnly = (volume.readOnly && target.fills === undefined) || target.readOnly === true;
  if (!isSingleWriter(volume.driver)) return { kind: 'grant', readOnly };
  const [from] = attachments;
  // Nobody uses it, but EC2 may still wait for a host that answers no more: a person's word counts there too.
  if (from === undefined || target.forceDetach) {
    return { kind: 'attach', readOnly, from, force: target.forceDetach };
  }
  const users = usersOf(facts);
  if (users.length === 0) return { kind: 'attach', readOnly, from, force: false };
  const { ask, live } = liveUsers(users, states);
  if (ask.length > 0) return { kind: 'ask', hosts: ask };
  if (live.length === 0) return { kind: 'attach', readOnly, from, force: false }; // guard: attach-busy off: return { kind: 'attach', readOnly, from, force: false };
  throw busy(
    volume,
    { live, states },
    'Stop its containers, or the host; a volume that nothing uses is handed over.',
  );
}

function decideHere({ volume }: VolumeFacts, here: AttachmentItem, target: AttachTarget): AttachDecision {
  if (here.desired === 'detached') throw underWay(volume);
  const asked = target.readOnly === undefined ? here.readOnly : volume.readOnly || target.readOnly;
  if (asked !== here.readOnly) {
    const how = here.readOnly ? 'read-only' : 'read-write';
    throw illegal(volume, `"${volume.name}" is attached ${how} to ${here.hostId}.`, 'Detach it first.');
  }
  return { kind: here.actual === 'attached' ? 'already' : 'underway', attachment: here };
}

function refuseState({ volume }: VolumeFacts): void {
  const { state, name } = volume;
  if (busyStates.has(state)) throw underWay(volume);
  if (state === 'failed') {
    throw illegal(
      volume,
      `"${name}" could not be created: ${volume.reason ?? 'no reason is known'}.`,
      'Create it again with the same parameters, or delete it.',
    );
  }
  if (tombstoneStates.has(state)) throw illegal(volume, `"${name}" is ${state}.`, 'Undelete it first.');
}

function refuseTarget({ volume }: VolumeFacts, { host, slotsUsed }: AttachTarget): void {
  if (host.draining) {
    throw new ProductError('HostDraining', `${host.id} is being drained and takes no new volumes.`, {
      value: host.id,
      hint: `End the drain, or choose another host.`,
    });
  }
  if (host.instanceState === 'terminated' || host.instanceState === 'shutting-down') {
    throw illegal(volume, `${host.id} is ${host.instanceState}.`, 'Choose another host.');
  }
  if (!host.drivers.includes(volume.driver)) {
    throw new ProductError('NotSupported', `${host.id} cannot serve ${volume.driver} volumes.`, {
      value: volume.driver,
      allowed: host.drivers.join(', '),
    });
  }
  if (!isSingleWriter(volume.driver)) return;
  const zone = volume.availabilityZone ?? host.availabilityZone;
  if (zone !== host.availabilityZone) {
    throw illegal(
      volume,
      `"${volume.name}" is in ${zone}, ${host.id} in ${host.availabilityZone}.`,
      'A volume is attached in its own zone only: choose a host there.',
    );
  }
  if (slotsUsed >= host.maxAttachments) {
    throw new ProductError(
      'LimitExceeded',
      `${host.id} has all the EBS volumes that its instance type takes.`,
      {
        value: slotsUsed,
        allowed: `up to ${host.maxAttachments} on ${host.instanceType}`,
        hint: 'Detach one, or choose another host.',
      },
    );
  }
}
