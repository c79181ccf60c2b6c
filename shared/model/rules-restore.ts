import { ProductError } from './errors.ts';
import type { BackupItem, Incoming, MadeFrom, VolumeItem } from './items.ts';
import { backupUnderWay, type BackupSubject } from './rules-backup.ts';
import { busy, illegal, liveUsers, refuseFilling, underWay, usersOf, type HostStates } from './rules-use.ts';
import { busyStates } from './states.ts';

/** A backup that is complete, and what a volume that is made from it has to know. */
export interface Restorable {
  readonly backup: BackupItem;
  readonly madeFrom: MadeFrom;
  /** Zone that the restore asked for; a restore in place stays where the volume is. */
  readonly availabilityZone?: string | undefined;
  readonly force: boolean;
}

export type RestoreDecision =
  /** EC2 must say first whether these hosts are stopped or terminated. */
  | { readonly kind: 'ask'; readonly hosts: readonly string[] }
  | {
      readonly kind: 'operate';
      /** Somebody still uses it: it is waited for. */
      readonly waits: boolean;
      /** It holds something, which is kept as a backup first. */
      readonly guarded: boolean;
    };

/** What a volume must be to be restored in place: its storage is there, and nobody else is at work on it. */
export const replaceable: ReadonlySet<string> = new Set(['available', 'attached']);

/**
 * Whether a backup can be put in the place of what the volume has.
 * @throws ProductError OperationInProgress, also while it is being backed up; IllegalState of a volume without storage;
 *   NotSupported for what does not fit it; InvalidInput for another zone; VolumeBusy naming hosts and containers.
 */
export function decideRestore(
  facts: BackupSubject,
  restore: Restorable,
  states: HostStates = {},
): RestoreDecision {
  const { volume, lease, backing } = facts;
  if (busyStates.has(volume.state)) throw underWay(volume); // guard: restore-not-during
  refuseFilling(volume);
  if (!replaceable.has(volume.state) || volume.storage === undefined) throw withoutStorage(volume);
  refuseMisfit(volume, restore);
  if ((volume.forcedOff ?? []).length > 0) throw stillThere(volume);
  if (backing !== undefined) throw backupUnderWay(volume, backing);
  const { ask, live } = liveUsers(usersOf(facts), states);
  if (live.length > 0 && ask.length > 0) return { kind: 'ask', hosts: ask };
  if (live.length > 0 && !restore.force) throw busy(volume, { live, states }, stopFirst); // guard: restore-busy
  return { kind: 'operate', waits: live.length > 0, guarded: lease?.filesystem.state === 'formatted' };
}

/** A detach by force of what many hosts share stops no container there: it would go on writing to what is replaced. */
export function stillThere(volume: VolumeItem): ProductError {
  const hosts = (volume.forcedOff ?? []).map(({ hostId }) => hostId).join(', ');
  const detail = `"${volume.name}" was detached by force from ${hosts}, where containers may still use it.`;
  return illegal(
    volume,
    detail,
    'Restore to another name, or attach it there once more and stop its containers.',
  );
}

export const stopFirst = 'Stop its containers first; with force the restore waits for them.';

export function withoutStorage(volume: VolumeItem): ProductError {
  const detail = `"${volume.name}" is ${volume.state}: there is nothing that could be replaced.`;
  return illegal(volume, detail, 'Restore to another name, or delete it and restore it under its own.');
}

/** A volume keeps its type, filesystem and zone: what is mounted by its name afterwards is of the kind it was before. */
function refuseMisfit(volume: VolumeItem, { backup, madeFrom, availabilityZone }: Restorable): void {
  const { driver, filesystem } = backup.source;
  if (!isRestoredInPlace(volume, madeFrom)) throw notInPlace(volume, backup);
  if (driver !== volume.driver || filesystem !== volume.filesystem) {
    throw new ProductError('NotSupported', `"${volume.name}" is another kind of volume than the backup's.`, {
      value: `${driver} ${filesystem ?? ''}`.trim(),
      allowed: `a backup of ${volume.driver} ${volume.filesystem ?? ''}`.trim(),
      about: { volumeId: volume.id, backup: backup.id },
      hint: 'Restore it to another name.',
    });
  }
  if (availabilityZone === undefined || availabilityZone === volume.availabilityZone) return;
  throw new ProductError('InvalidInput', 'A restore in place stays in the zone of its volume.', {
    value: availabilityZone,
    allowed: volume.availabilityZone ?? 'leave it out',
    hint: 'Restore to another name for another zone.',
  });
}

/** Of each driver by what is its own: a snapshot, a recovery point. */
function isRestoredInPlace({ driver }: VolumeItem, { snapshotId, recoveryPoint }: MadeFrom): boolean {
  if (driver === 'ebs') return snapshotId !== undefined;
  return driver === 'efs' && recoveryPoint !== undefined;
}

function notInPlace(volume: VolumeItem, { id, kind }: BackupItem): ProductError {
  return new ProductError(
    'NotSupported',
    `A ${volume.type} volume is not restored in place from a ${kind}.`,
    {
      value: volume.type,
      allowed: 'local volumes from a snapshot, network volumes from a recovery point, either from an archive',
      about: { volumeId: volume.id, backup: id },
      hint: `Restore to another name: hivemind volume restore ${volume.name}-restored --backup ${id}.`,
    },
  );
}

/** What is made for the volume: at least as large as it is, and as the backup needs. */
export function incomingOf(volume: VolumeItem, { backup, madeFrom }: Restorable): Incoming {
  const { sizeBytes = 0, encrypted, format } = backup.source;
  const largest = Math.max(sizeBytes, volume.sizeBytes ?? 0);
  return {
    madeFrom,
    ...(largest === 0 ? {} : { sizeBytes: largest }),
    encrypted: encrypted || volume.encrypted,
    // Contract 1: what is restored has its filesystem, and never gets a format ticket.
    format: format.state === 'formatted' ? { ...format, mounted: true } : format,
  };
}
