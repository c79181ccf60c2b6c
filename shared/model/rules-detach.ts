import { ProductError } from './errors.ts';
import type { AttachmentItem } from './items.ts';
import {
  busy,
  isSingleWriter,
  liveUsers,
  underWay,
  usersOf,
  type HostStates,
  type VolumeFacts,
} from './rules-use.ts';

export interface DetachRequest {
  readonly host?: string | undefined;
  readonly forceDetach: boolean;
}

export type DetachDecision =
  | { readonly kind: 'already' }
  | { readonly kind: 'underway' }
  | { readonly kind: 'ask'; readonly hosts: readonly string[] }
  /** Many hosts: the attachment goes, and that is all. `live`: the host still uses it, and goes on doing so. */
  | { readonly kind: 'revoke'; readonly attachment: AttachmentItem; readonly live: boolean }
  /** Single writer: raise the epoch, then DetachVolume. */
  | { readonly kind: 'detach'; readonly attachment: AttachmentItem; readonly force: boolean };

/**
 * Contract 3's rule for taking a volume from a host.
 * @throws ProductError VolumeBusy naming the holder; OperationInProgress; InvalidInput when the host must be named.
 */
export function decideDetach(
  facts: VolumeFacts,
  request: DetachRequest,
  states: HostStates = {},
): DetachDecision {
  const { volume } = facts;
  const attachment = attachmentMeant(facts, request.host);
  if (attachment === undefined) return { kind: 'already' };
  if (volume.state === 'detaching') return { kind: 'underway' };
  if (isSingleWriter(volume.driver) && volume.state !== 'attached') throw underWay(volume);
  const users = usersOf(facts).filter(({ host }) => host === attachment.hostId);
  const { ask, live } = liveUsers(users, states);
  if (!request.forceDetach && live.length > 0) {
    if (ask.length > 0) return { kind: 'ask', hosts: ask };
    throw busy(volume, { live, states }, 'Stop its containers, or the host, and repeat the call.');
  }
  if (!isSingleWriter(volume.driver)) return { kind: 'revoke', attachment, live: live.length > 0 };
  // Also of a volume that nobody uses: EC2 waits for ever for a host that answers no more.
  return { kind: 'detach', attachment, force: request.forceDetach };
}

function attachmentMeant(
  { volume, attachments }: VolumeFacts,
  host: string | undefined,
): AttachmentItem | undefined {
  if (host !== undefined) return attachments.find(({ hostId }) => hostId === host);
  if (attachments.length < 2 || volume.state !== 'available') return attachments[0];
  throw new ProductError('InvalidInput', `"${volume.name}" is attached to several hosts: name one.`, {
    allowed: attachments.map(({ hostId }) => hostId).join(', '),
    issues: [{ path: 'host', message: 'required for a volume that is attached to several hosts' }],
  });
}
