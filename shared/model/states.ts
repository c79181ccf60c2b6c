/**
 * The volume states and their legal transitions: the one table, used by code, docs and the property test.
 *
 * `unplaced`  recorded, nothing in AWS yet: created in the zone of the first host that attaches it
 * `creating`  being created in AWS
 * `available` exists; attached to no host (drivers that many hosts may use stay here)
 * `attaching` being attached to the host the lease names, after a hand-over from another where there was one
 * `attached`  attached to the host the lease names, mounted or idle
 * `detaching` being detached from the host that held it
 * `restoring` being restored in place: handed back, detached, its storage exchanged for one made from a backup
 * `deleting`  delete accepted: waits for the hand-back, detaches
 * `deleted`   tombstone: the name is free, the storage is kept until the undo window ends
 * `purging`   the undo window has ended: storage is being freed
 * `purged`    storage freed; only backups are left, and it can be made again from the final one
 * `failed`    AWS could not create it; the record says why
 */
export const transitions = {
  unplaced: ['creating', 'deleted'],
  creating: ['available', 'failed'],
  available: ['attaching', 'restoring', 'deleting', 'deleted'],
  attaching: ['attached', 'available', 'detaching'],
  attached: ['detaching', 'attaching', 'restoring', 'deleting'],
  detaching: ['available', 'attached'],
  restoring: ['available', 'attached'],
  deleting: ['deleted', 'available', 'attached'],
  deleted: ['available', 'unplaced', 'failed', 'purging'],
  purging: ['purged', 'gone'],
  purged: ['creating', 'gone'],
  failed: ['creating', 'deleted'],
} as const satisfies Record<string, readonly string[]>;

export type VolumeState = keyof typeof transitions;

export const volumeStates = Object.keys(transitions) as VolumeState[];

/** States in which a record begins; as a tombstone that which keeps what a restore in place has replaced. */
export const initialStates = [
  'unplaced',
  'creating',
  'available',
  'deleted',
] as const satisfies readonly VolumeState[];

/** States in which an operation owns the volume and nobody else may begin one. */
export const busyStates: ReadonlySet<VolumeState> = new Set([
  'creating',
  'attaching',
  'detaching',
  'restoring',
  'deleting',
  'purging',
]);

/** States that a listing without `deleted` does not show. */
export const tombstoneStates: ReadonlySet<VolumeState> = new Set(['deleted', 'purging', 'purged']);

export function mayBecome(from: VolumeState, to: VolumeState | 'gone'): boolean {
  return from === to || (transitions[from] as readonly string[]).includes(to);
}
