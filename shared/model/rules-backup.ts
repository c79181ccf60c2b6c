import type { Backup, BackupKind, BackupOrigin, Consistency } from './backup.ts';
import { ProductError } from './errors.ts';
import type { BackupItem } from './items.ts';
import { illegal, underWay, type VolumeFacts } from './rules-use.ts';
import { driverTraits, type Driver } from './volume.ts';

/** The driver's own kind of backup; undefined where this release has none. */
export const nativeKinds = {
  ebs: 'snapshot',
  efs: undefined,
  bind: undefined,
  tmpfs: undefined,
} as const satisfies Record<Driver, BackupKind | undefined>;

/** Facts of a volume and the operation that backs it up now. */
export type BackupSubject = VolumeFacts & {
  readonly backing: { readonly operationId: string } | undefined;
};

/**
 * Whether a backup of the volume can be made now.
 * @returns its kind
 * @throws ProductError NotSupported for what has no backup; IllegalState for what holds nothing yet; OperationInProgress
 *   while it is being made or backed up.
 */
export function decideBackup(subject: BackupSubject): BackupKind {
  const { volume, lease, backing } = subject;
  const kind = nativeKinds[volume.driver];
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
  if (kind === undefined) {
    throw new ProductError(
      'NotSupported',
      `Backups of ${volume.type} volumes are not part of this release.`,
      {
        value: volume.type,
        allowed: 'local volumes',
      },
    );
  }
  if (volume.state === 'creating') throw underWay(volume);
  if (volume.state === 'unplaced' || lease?.filesystem.state !== 'formatted') throw blank(subject);
  if (volume.storage === undefined || !backable.has(volume.state)) {
    throw illegal(volume, `"${volume.name}" is ${volume.state}.`, 'Back up a volume that exists.');
  }
  if (backing !== undefined) {
    throw new ProductError('OperationInProgress', `A backup of "${volume.name}" is being made.`, {
      value: volume.name,
      about: { volumeId: volume.id, operation: backing.operationId },
      hint: 'Wait for it to end, then repeat the call.',
    });
  }
  return kind;
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
  readonly policy?: string | undefined;
  readonly consistency: Consistency;
  readonly description: string;
  readonly caller: string;
  readonly region: string;
  readonly now: Date;
  readonly operation?: string;
}

/** The record of a backup that is being made. */
export function newBackup(
  { volume, lease }: Pick<VolumeFacts, 'volume' | 'lease'>,
  parts: NewBackup,
): BackupItem {
  const at = parts.now.toISOString();
  const { type, driver, sizeBytes, labels, options, description, filesystem } = volume;
  const { owner, readOnly, encrypted, availabilityZone } = volume;
  return {
    id: parts.id,
    namespace: volume.namespace,
    volumeId: volume.id,
    volume: volume.name,
    kind: nativeKinds[driver] ?? 'archive',
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
      availabilityZone,
      format: lease?.filesystem ?? { state: 'none' },
    },
    consistency: parts.consistency,
    pointInTime: true,
    held: false,
    operation: parts.operation,
    users: [],
    createdAt: at,
    createdBy: parts.caller,
    updatedAt: at,
    revision: 1,
  };
}

/** A backup as the API shows it. */
export function viewBackup({ users: _users, ...shown }: BackupItem): Backup {
  return shown;
}
