import { tagKeys } from '#shared/model/tags.ts';

/** Block storage as the product needs it: volumes of one Region, made and found by our tags. */
export interface BlockStorage extends Snapshots {
  /**
   * Makes a volume, or gives the one that an earlier call with the same token made.
   * @throws ProductError LimitExceeded, StorageFailed, AccessDenied when AWS refuses; Throttled or Unavailable when it may have happened.
   */
  createVolume(wanted: NewBlockVolume): Promise<BlockVolume>;
  /** Volumes by id; those that EC2 does not know (yet, or any more) are left out. Reads may lag behind writes. */
  findVolumes(ids: readonly string[]): Promise<BlockVolume[]>;
  /** All volumes that carry the product's tag. */
  listVolumes(): Promise<BlockVolume[]>;
  /** Not safe to repeat blindly: look at the volume first. */
  attach(request: AttachRequest): Promise<AttachAnswer>;
  /** Begins to detach; a volume that is not attached there is success. `force` fences at once and may lose writes. */
  detach(request: DetachRequest): Promise<void>;
  /** Deletes a volume; one that is gone is success. `in-use`: it is attached somewhere, nothing was done. */
  deleteVolume(id: string): Promise<'deleted' | 'in-use'>;
}

/** Snapshots of volumes, in one Region. */
export interface Snapshots {
  /** Not safe to repeat blindly: look for the operation's snapshots first. */
  createSnapshot(wanted: NewSnapshot): Promise<Snapshot>;
  /** Snapshots that an operation made, or of a backup, oldest first. Reads may lag behind writes. */
  findSnapshots(of: SnapshotTag): Promise<Snapshot[]>;
  /** Deletes a snapshot; one that is gone is success. */
  deleteSnapshot(id: string): Promise<void>;
}

/** What a snapshot is looked for by; `cut` names one freeze. */
export type SnapshotTag =
  { readonly operation: string } | { readonly backup: string } | { readonly cut: string };

/** The tag that is meant, with its value. */
export function tagOf(of: SnapshotTag): readonly [key: string, value: string] {
  if ('backup' in of) return [tagKeys.backup, of.backup];
  return 'cut' in of ? [tagKeys.cut, of.cut] : [tagKeys.operation, of.operation];
}

export type Tags = Readonly<Record<string, string>>;

export interface NewBlockVolume {
  /** Idempotency: at most 64 characters. Source: EC2 CreateVolume, ClientToken. */
  readonly clientToken: string;
  readonly sizeGiB: number;
  readonly availabilityZone: string;
  readonly encrypted: boolean;
  /** What it is made from; else it is empty. */
  readonly snapshotId?: string | undefined;
  readonly tags: Tags;
}

export const blockVolumeStates = ['creating', 'available', 'in-use', 'deleting', 'deleted', 'error'] as const;
export type BlockVolumeState = (typeof blockVolumeStates)[number];

export interface BlockVolume {
  readonly id: string;
  readonly state: BlockVolumeState;
  readonly sizeGiB: number;
  readonly volumeType: string;
  readonly availabilityZone: string;
  readonly tags: Tags;
  /** Without those that are detached. */
  readonly attachments: readonly BlockAttachment[];
  readonly createdAt: Date | undefined;
}

export const blockAttachmentStates = ['attaching', 'attached', 'detaching', 'busy'] as const;
export type BlockAttachmentState = (typeof blockAttachmentStates)[number];

export interface BlockAttachment {
  readonly instanceId: string;
  readonly device: string;
  readonly state: BlockAttachmentState;
  /** When the attach was asked for. */
  readonly since: Date | undefined;
}

export interface AttachRequest {
  readonly volumeId: string;
  readonly instanceId: string;
  readonly device: string;
}
/** `volume-busy`: it is not `available`, look again; `device-taken`: the instance uses that name already. */
export type AttachAnswer = 'attaching' | 'volume-busy' | 'device-taken';

export interface DetachRequest {
  readonly volumeId: string;
  readonly instanceId: string;
  readonly force: boolean;
}

export interface NewSnapshot {
  readonly volumeId: string;
  readonly description: string;
  /** Must hold the operation's tag: it is what {@link BlockStorage.findSnapshots} looks for. */
  readonly tags: Tags;
}

export interface Snapshot {
  readonly id: string;
  readonly volumeId: string;
  readonly state: 'pending' | 'completed' | 'error';
  /** AWS's words, of one that ended in `error`. */
  readonly reason?: string | undefined;
  /** 0 to 100. */
  readonly progress: number;
  readonly startedAt: Date | undefined;
  readonly tags: Tags;
}
