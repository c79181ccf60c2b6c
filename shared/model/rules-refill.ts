import { ProductError } from './errors.ts';
import type { BackupItem, VolumeItem } from './items.ts';
import { backupUnderWay, isBlank, type BackupSubject } from './rules-backup.ts';
import { replaceable, stillThere, stopFirst, withoutStorage, type RestoreDecision } from './rules-restore.ts';
import { refuseEphemeral } from './rules-transfer.ts';
import { busy, illegal, liveUsers, underWay, usersOf, type HostStates } from './rules-use.ts';
import { busyStates } from './states.ts';
import { driverTraits } from './volume.ts';

/** Files that are to replace those of a volume. */
export interface Refill {
  /** The archive that has them; none where a caller sends them: those go to a volume of any type. */
  readonly backup?: BackupItem | undefined;
  /** Zone that the restore asked for; a volume stays where it is. */
  readonly availabilityZone?: string | undefined;
  readonly force: boolean;
  /** The operation that fills the volume has ended, and left it unusable: another one may try. */
  readonly leftUnfilled: boolean;
}

/**
 * Whether files can be put in the place of those that a volume has.
 * @throws ProductError OperationInProgress while another operation or a backup is at work on it; IllegalState of a volume
 *   without storage or that is read-only; NotSupported of another kind of volume, or what is gone with its container;
 *   InvalidInput for another zone; VolumeBusy naming hosts and containers.
 */
export function decideRefill(
  subject: BackupSubject,
  refill: Refill,
  states: HostStates = {},
): RestoreDecision {
  const { volume, backing } = subject;
  refuseEphemeral(volume);
  if (busyStates.has(volume.state)) throw underWay(volume); // guard: refill-not-during
  if (volume.filling !== undefined && !refill.leftUnfilled) throw beingFilled(volume);
  const gone = volume.storage === undefined && driverTraits[volume.driver].storage !== 'none';
  if (!replaceable.has(volume.state) || gone) throw withoutStorage(volume);
  refuseMisfit(volume, refill);
  if ((volume.forcedOff ?? []).length > 0) throw stillThere(volume);
  if (backing !== undefined) throw backupUnderWay(volume, backing);
  const { ask, live } = liveUsers(usersOf(subject), states);
  if (live.length > 0 && ask.length > 0) return { kind: 'ask', hosts: ask };
  if (live.length > 0 && !refill.force) throw busy(volume, { live, states }, stopFirst); // guard: refill-busy
  return { kind: 'operate', waits: live.length > 0, guarded: !isBlank(subject) };
}

function beingFilled(volume: VolumeItem): ProductError {
  return new ProductError('OperationInProgress', `The files of "${volume.name}" are being restored.`, {
    value: volume.name,
    about: { volumeId: volume.id, operation: volume.filling ?? '' },
    hint: 'Wait for the operation to end, then repeat the call.',
  });
}

/** Files go to a volume of the same type, which keeps its options and its zone. */
function refuseMisfit(volume: VolumeItem, { backup, availabilityZone }: Refill): void {
  if (backup !== undefined && backup.source.driver !== volume.driver) {
    throw new ProductError('NotSupported', `"${volume.name}" is another kind of volume than the backup's.`, {
      value: backup.source.type,
      allowed: `a backup of a ${volume.type} volume`,
      about: { volumeId: volume.id, backup: backup.id },
      hint: 'Restore it to another name.',
    });
  }
  if (volume.readOnly)
    throw illegal(volume, `"${volume.name}" is read-only.`, 'Restore to a volume that can be written to.');
  if (availabilityZone === undefined || availabilityZone === volume.availabilityZone) return;
  throw new ProductError('InvalidInput', 'A restore in place stays in the zone of its volume.', {
    value: availabilityZone,
    allowed: volume.availabilityZone ?? 'leave it out',
    hint: 'Restore to another name for another zone.',
  });
}
