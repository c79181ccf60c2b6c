import { ProductError } from './errors.ts';
import type { VolumeItem } from './items.ts';
import {
  busy,
  isSingleWriter,
  liveUsers,
  underWay,
  usersOf,
  type HostStates,
  type VolumeFacts,
} from './rules-use.ts';
import { busyStates, type VolumeState } from './states.ts';

export type DeleteDecision =
  | { readonly kind: 'underway' }
  | { readonly kind: 'ask'; readonly hosts: readonly string[] }
  /** Nothing to detach and nothing to save: the tombstone at once. */
  | { readonly kind: 'bury' }
  /** An operation hands it back (`waits`: somebody still uses it), detaches, buries, and makes the final backup. */
  | { readonly kind: 'operate'; readonly waits: boolean };

/**
 * Contract 5's rule for a delete.
 * @throws ProductError VolumeProtected; VolumeBusy naming hosts and containers; OperationInProgress (contract 8).
 */
export function decideDelete(facts: VolumeFacts, force: boolean, states: HostStates = {}): DeleteDecision {
  const { volume } = facts;
  if (volume.state === 'deleting') return { kind: 'underway' };
  if (volume.protected) throw isProtected(volume); // guard: delete-protected
  if (busyStates.has(volume.state)) throw underWay(volume); // guard: delete-not-during
  const users = usersOf(facts);
  const { ask, live } = liveUsers(users, states);
  if (live.length > 0 && ask.length > 0) return { kind: 'ask', hosts: ask };
  if (live.length > 0 && !force) throw busy(volume, { live, states }, stopFirst); // guard: delete-busy
  if (isSingleWriter(volume.driver) && (volume.state === 'available' || volume.state === 'attached')) {
    return { kind: 'operate', waits: live.length > 0 };
  }
  return live.length > 0 ? { kind: 'operate', waits: true } : { kind: 'bury' };
}

const stopFirst = 'Stop its containers first; with force the delete waits for them.';

function isProtected({ id, name }: VolumeItem): ProductError {
  return new ProductError('VolumeProtected', `"${name}" is protected from deletion.`, {
    value: name,
    about: { volumeId: id },
    hint: 'Update it with protected false first.',
  });
}

/** The state in which a tombstone comes back. */
export function stateAfterUndelete({ volume }: Pick<VolumeFacts, 'volume'>): VolumeState {
  if (volume.driver !== 'ebs' && volume.driver !== 'efs') return 'available';
  if (volume.storage !== undefined) return 'available';
  return volume.reason !== undefined || volume.driver === 'efs' ? 'failed' : 'unplaced';
}
