import type { Backup, BackupKind, BackupOrigin, BackupStorage, Engine } from './backup.ts';
import type { ChosenConsistency } from './rules-consistency.ts';
import { ProductError } from './errors.ts';
import type { BackupItem, MadeFrom, VolumeItem } from './items.ts';
import { isRestorable } from './restored-directory.ts';
import { illegal, refuseFilling, underWay, type VolumeFacts } from './rules-use.ts';
import { driverTraits, type Driver } from './volume.ts';

/** The driver's own kind of backup; undefined where it has none, and restic's archive stands in. */
export const nativeKinds = {
  ebs: 'snapshot',
  efs: 'recovery-point',
  bind: undefined,
  tmpfs: undefined,
} as const satisfies Record<Driver, BackupKind | undefined>;

/** Facts of a volume and the operation that backs it up now. */
export type BackupSubject = VolumeFacts & {
  readonly backing: { readonly operationId: string } | undefined;
  /** A network volume's directory is made by its first mount. */
  readonly used: { readonly at: string } | undefined;
};

/**
 * Whether a backup of the volume can be made now.
 * @returns its kind
 * @throws ProductError NotSupported for what has no backup; IllegalState for what holds nothing yet; OperationInProgress
 *   while it is being made or backed up.
 */
export function decideBackup(subject: BackupSubject, engine?: Engine): BackupKind {
  const { volume, backing } = subject;
  if (!driverTraits[volume.driver].durable) {
    throw new ProductError(
      'NotSupported',
      `"${volume.name}" is ${volume.type}: it is gone with its container.`,
      {
        value: volume.type,
        allowed: 'local, network and hostpath volumes',
        hint: 'Keep what shall last in a volume of another type.',
      },
    );
  }
  const kind = kindOf(volume, engine);
  refuseFilling(volume);
  if (volume.state === 'creating' || volume.state === 'restoring') throw underWay(volume);
  if (isBlank(subject)) throw blank(subject);
  const gone = volume.storage === undefined && driverTraits[volume.driver].storage !== 'none';
  if (gone || !backable.has(volume.state)) {
    throw illegal(volume, `"${volume.name}" is ${volume.state}.`, 'Back up a volume that exists.');
  }
  const deep = volume.storage?.kind === 'efs' && !isRestorable(volume.storage.path);
  if (deep && kind === 'recovery-point') throw tooDeep(subject);
  if (backing !== undefined) throw backupUnderWay(volume, backing);
  return kind;
}

/** One backup of a volume at a time. */
export function backupUnderWay(
  { id, name }: VolumeItem,
  { operationId }: { readonly operationId: string },
): ProductError {
  return new ProductError('OperationInProgress', `A backup of "${name}" is being made or removed.`, {
    value: name,
    about: { volumeId: id, operation: operationId },
    hint: 'Wait for it to end, then repeat the call.',
  });
}

/** @throws ProductError NotSupported where the engine that is asked for is none of the driver's */
function kindOf({ name, type, driver }: VolumeFacts['volume'], engine: Engine | undefined): BackupKind {
  const native = nativeKinds[driver];
  if (engine === 'restic') return 'archive';
  if (engine === undefined || native !== undefined) return native ?? 'archive';
  throw new ProductError(
    'NotSupported',
    `"${name}" is ${type}: AWS makes no backups of a host's directory.`,
    {
      value: engine,
      allowed: 'restic',
      hint: 'Leave the engine out, or ask for restic.',
    },
  );
}

/** Nothing was ever written to it: there is no filesystem, or no directory. What was restored holds something. */
export function isBlank({ volume, lease, used }: Pick<BackupSubject, 'volume' | 'lease' | 'used'>): boolean {
  if (volume.state === 'unplaced') return true;
  // A directory of a host may hold anything.
  if (driverTraits[volume.driver].storage === 'none') return false;
  if (driverTraits[volume.driver].formatted) return lease?.filesystem.state !== 'formatted';
  return used === undefined && volume.madeFrom === undefined;
}

/** AWS Backup restores below one more directory, and an access point's root may have 100 characters. */
function tooDeep({ volume }: VolumeFacts): ProductError {
  return new ProductError(
    'NotSupported',
    `"${volume.name}" was itself restored by AWS Backup: restored once more it would lie too deep for an access point.`,
    {
      value: volume.name,
      allowed: 'network volumes that were created, not restored',
      hint: 'Back its files up: --engine restic.',
    },
  );
}

/** It may hold something, or was left half restored: what comes into it takes the place of that. */
export function mayHoldFiles(subject: Parameters<typeof isBlank>[0]): boolean {
  return subject.volume.filling !== undefined || !isBlank(subject);
}

const backable: ReadonlySet<string> = new Set(['available', 'attaching', 'attached', 'detaching']);

function blank({ volume }: VolumeFacts): ProductError {
  const detail =
    volume.state === 'unplaced'
      ? `"${volume.name}" has no storage yet: it is made when a host first attaches it.`
      : `"${volume.name}" is blank: nothing was ever written to it.`;
  return illegal(volume, detail, 'Use it once, then back it up.');
}

/** What a backup that is about to be made says of itself. */
export interface NewBackup {
  readonly id: string;
  readonly origin: BackupOrigin;
  /** @default the driver's own */
  readonly kind?: BackupKind;
  /** Where it will be, when that is known before it is made. */
  readonly storage?: BackupStorage | undefined;
  readonly policy?: string | undefined;
  readonly cut: ChosenConsistency;
  readonly description: string;
  readonly caller: string;
  readonly region: string;
  readonly now: Date;
  readonly operation?: string;
  /** The run that it shares a recovery point with. @default the operation alone */
  readonly run?: string;
}

/** The record of a backup that is being made. */
export function newBackup(
  { volume, lease }: Pick<VolumeFacts, 'volume' | 'lease'>,
  parts: NewBackup,
): BackupItem {
  const at = parts.now.toISOString();
  const { type, driver, sizeBytes, labels, options, description, filesystem } = volume;
  const { owner, readOnly, encrypted, backups, availabilityZone } = volume;
  const kind = parts.kind ?? nativeKinds[driver] ?? 'archive';
  const run = kind === 'recovery-point' ? (parts.run ?? parts.operation) : undefined;
  return {
    id: parts.id,
    namespace: volume.namespace,
    volumeId: volume.id,
    volume: volume.name,
    kind,
    state: 'creating',
    origin: parts.origin,
    policy: parts.policy,
    description: parts.description,
    region: parts.region,
    source: {
      type,
      driver,
      sizeBytes,
      labels,
      options,
      description,
      filesystem,
      owner,
      readOnly,
      encrypted,
      ...(backups === undefined ? {} : { backups }),
      availabilityZone,
      format: lease?.filesystem ?? { state: 'none' },
    },
    ...parts.cut,
    // AWS Backup reads a file system while it is written to.
    pointInTime: kind === 'snapshot',
    held: false,
    operation: parts.operation,
    users: [],
    ...(parts.storage === undefined ? {} : { storage: parts.storage }),
    ...(run === undefined ? {} : { run }),
    createdAt: at,
    createdBy: parts.caller,
    updatedAt: at,
    revision: 1,
  };
}

/** What a volume that is made from the backup has to know of it; undefined for one that is not complete. */
export function madeFromOf({ id, volumeId, state, storage }: BackupItem): MadeFrom | undefined {
  if (state !== 'available') return undefined;
  switch (storage?.kind) {
    case 'snapshot':
      return { backupId: id, snapshotId: storage.snapshotId };
    case 'recovery-point': {
      const { recoveryPointArn: arn, fileSystemId, path } = storage;
      return { backupId: id, recoveryPoint: { arn, fileSystemId, path, sourceId: volumeId } };
    }
    // Its files are put into a volume that is made like any new one.
    case 'archive':
      return { backupId: id };
    default:
      return undefined;
  }
}

/** A backup as the API shows it. */
export function viewBackup({ users: _users, run: _run, hooks: _hooks, ...shown }: BackupItem): Backup {
  return shown;
}
