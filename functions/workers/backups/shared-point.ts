import type { BackupJob } from '#shared/aws/backup/recovery-points.ts';
import type { BackupStorage } from '#shared/model/backup.ts';
import type { SharedPointItem } from '#shared/model/items.ts';

/**
 * A recovery point holds a whole file system, so the backups of one run share one.
 *
 * - The first of them makes the record of the point; its operation drives the job, the others wait for the record.
 * - A backup joins with an entry in the point's list of users, under the point as it was read.
 * - Who removes a backup closes the point first (`deleting`, so that nobody can join any more), counts the users, and then
 *   either removes the point in AWS or opens it again. One at a time: a closed point belongs to the operation that closed it.
 * - The copies of such backups in another Region share one copy of the point there in the same way: a record of its own.
 */
export interface SharedPoint {
  readonly fileSystemId: string;
  readonly run: string;
  /** Undefined before the first of the run, and after the last. */
  readonly item: SharedPointItem | undefined;
  /** This backup is among its users. */
  readonly joined: boolean;
  /** Other backups need it. */
  readonly others: boolean;
  /** Another run's job on the file system goes first: AWS takes one at a time. */
  readonly queued: boolean;
  /** As AWS Backup knows it; only for the operation that drives it. */
  readonly job: BackupJob | undefined;
  /** It was deleted, and AWS still shows it. */
  readonly lingers: boolean;
}

export type PointStorage = Extract<BackupStorage, { readonly kind: 'recovery-point' }>;

/** What is copied. */
export interface CopyFrom {
  readonly region: string;
  readonly arn: string;
  /** That it is in; absent: the one that the deployment names there. */
  readonly vault?: string | undefined;
}

export interface RecoveryPointSteps {
  /** The first of its run. */
  sharePoint: Record<never, never>;
  joinPoint: Record<never, never>;
  /** AWS Backup StartBackupJob. */
  startPoint: { readonly token: string };
  /** AWS Backup StartCopyJob, in the Region of what is copied. */
  copyPoint: { readonly token: string; readonly from: CopyFrom };
  /** AWS Backup DeleteRecoveryPoint, of what a job left that failed. */
  discardPoint: { readonly arn: string };
  /** Complete: it can be restored. */
  finishPoint: { readonly storage: PointStorage; readonly cutAt: string | undefined };
  /** From here on nobody joins. */
  closePoint: Record<never, never>;
  /** AWS Backup DeleteRecoveryPoint. */
  deletePoint: { readonly arn: string };
}
