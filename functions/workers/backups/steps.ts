import type { NewSnapshot, Snapshot } from '#shared/aws/ec2/block-storage.ts';
import type { NewSnapshotCopy } from '#shared/aws/ec2/snapshot-regions.ts';
import type { ManifestRef } from '#shared/model/drill.ts';
import type { BackupItem, ImportingItem, TaskItem, TransferItem } from '#shared/model/items.ts';
import type { ChangeFacts } from '../change.ts';
import type { ArchiveDrillSteps, ArchiveFacts, ArchiveSteps } from './archive.ts';
import type { RefillSteps } from './planner-refill.ts';
import type { RecoveryPointSteps, SharedPoint } from './shared-point.ts';
import { ageOf, pace, type CommonSteps, type Failure, type StepOf } from '../planner.ts';

/** Everything a plan of a backup is made from, as of one moment. */
export interface BackupFacts extends ChangeFacts {
  readonly backup: BackupItem | undefined;
  /** What a host was asked to do for this operation. */
  readonly task: TaskItem | undefined;
  /** Of a copy: what it is made from. */
  readonly source: BackupItem | undefined;
  /** Snapshots that carry the backup's id, oldest first, in the Region that it is in. */
  readonly snapshots: readonly Snapshot[];
  /** EC2 says that the lease's holder is `stopped` or `terminated`: it writes no more. */
  readonly holderPowerless: boolean;
  /** Of a backup that is a recovery point: what it shares with others. */
  readonly shared: SharedPoint | undefined;
  /** Of files. */
  readonly archive: ArchiveFacts | undefined;
  /** Of an import: the archive that a caller has sent. */
  readonly transfer: TransferItem | undefined;
  /** The import that has the volume. */
  readonly importing: ImportingItem | undefined;
  /** Of a restore in place of files: the backup that keeps what is replaced. */
  readonly guard: BackupItem | undefined;
  /** Hosts that use the volume, and that EC2 said are stopped or terminated. */
  readonly powerless: ReadonlySet<string>;
  /** The volume has other backups than this one. */
  readonly others: boolean;
}

/** Every step and its arguments. The executors are a mapped type of this: a step without one does not compile. */
export interface BackupSteps
  extends CommonSteps, RecoveryPointSteps, ArchiveSteps, RefillSteps, ArchiveDrillSteps {
  /** Asks the host that has the volume mounted to freeze it and have the snapshot made. */
  askHost: { readonly task: TaskItem };
  /** EC2 CreateSnapshot. */
  createSnapshot: { readonly wanted: NewSnapshot };
  /** A snapshot whose making was not confirmed, or that a host had made. */
  adoptSnapshot: { readonly snapshot: Snapshot };
  /** EC2 DeleteSnapshot, of one that was not made while the filesystem was frozen. */
  discardCut: { readonly snapshotId: string };
  /** EC2 DeleteSnapshot, of a second one that a lost answer left. */
  removeDouble: { readonly snapshotId: string };
  /** EC2 CopySnapshot, in the Region that the copy is made in. */
  copySnapshot: { readonly wanted: NewSnapshotCopy; readonly sizeGiB: number };
  /** A copy whose making was not confirmed. */
  adoptCopy: { readonly snapshot: Snapshot; readonly sizeGiB: number };
  /** S3 CopyObject: a copy has a manifest of its own, which goes with it. */
  copyManifest: { readonly from: string; readonly manifest: ManifestRef };
  /** Complete: it can be restored. */
  finishBackup: Record<never, never>;
  failBackup: { readonly failure: Failure };
  /** S3 DeleteObject, of every version. */
  removeManifest: Record<never, never>;
  /** EC2 DeleteSnapshot. */
  deleteSnapshot: { readonly snapshotId: string };
  forgetBackup: { readonly lastOfVolume: boolean };
  /** It could not be removed: as it was before. */
  restoreBackup: { readonly failure: Failure };
}

export type BackupStep = StepOf<BackupSteps>;

export function wait(
  { operation, now }: BackupFacts,
  message: string,
  seconds = pace(ageOf(operation, now)),
): BackupStep {
  return { kind: 'wait', seconds, message, progress: operation.progress };
}
