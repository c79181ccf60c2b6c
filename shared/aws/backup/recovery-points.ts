/** Recovery points of the one shared file system, in the product's own vault. */
export interface RecoveryPoints {
  /**
   * Begins to copy the whole file system, or gives the job that an earlier call with the same token began.
   * @throws ProductError StorageFailed, LimitExceeded, AccessDenied when AWS refuses; Throttled or Unavailable when it may have happened.
   */
  startBackup(wanted: NewRecoveryPoint): Promise<BackupJob>;
  /** Undefined when AWS does not know it (yet, or any more). */
  findBackup(jobId: string): Promise<BackupJob | undefined>;
  /** Undefined when there is none (yet, or any more). */
  findPoint(arn: string): Promise<RecoveryPoint | undefined>;
  /** Every recovery point of the file system in the vault, whoever made it. */
  listPoints(): Promise<RecoveryPoint[]>;
  /** What it is tagged with; undefined when there is none, or when it is not ours to look at. */
  tagsOf(arn: string): Promise<Readonly<Record<string, string>> | undefined>;
  /** Begins to delete; one that is gone is success. `in-use`: it is being restored, nothing was done. */
  deletePoint(arn: string): Promise<'deleted' | 'in-use'>;
  /**
   * Begins to restore one directory, beside everything that is there, or gives the job that an earlier call with the same
   * token began. AWS puts it below a new directory, see {@link restoredAt}, whose name no call tells.
   * @throws ProductError as {@link RecoveryPoints.startBackup}
   */
  startRestore(wanted: NewRestore): Promise<string>;
  /** Undefined when AWS does not know it (yet, or any more). */
  findRestore(jobId: string): Promise<RestoreJob | undefined>;
  /**
   * Begins to copy one to the vault of another Region, under that one's key, or gives the job that an earlier call with the
   * same token began. Its tags go along. What the copy is called {@link RecoveryPoints.findCopy} tells.
   * @throws ProductError InvalidInput for a Region without a vault; else as {@link RecoveryPoints.startBackup}
   */
  startCopy(wanted: NewPointCopy): Promise<CopyJob>;
  /** One that was begun here. Undefined when AWS does not know it (yet, or any more). */
  findCopy(jobId: string): Promise<BackupJob | undefined>;
}

/** Recovery points in the vault of each Region that the deployment names one in. */
export interface RecoveryRegions {
  /** @param vault its name, where a record has it; default: the one that the deployment names */
  in(region: string, vault?: string): RecoveryPoints;
}

export interface NewRecoveryPoint {
  /** Idempotency: at most 64 characters. */
  readonly token: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface NewRestore {
  /** Idempotency: at most 64 characters. */
  readonly token: string;
  readonly arn: string;
  /** Directory from the file system's root, absolute. */
  readonly path: string;
}

export interface NewPointCopy {
  /** Idempotency: at most 64 characters. */
  readonly token: string;
  readonly arn: string;
  /** The Region that it is copied to. */
  readonly to: string;
}

/** A copy that was begun. */
export interface CopyJob {
  readonly id: string;
  readonly createdAt: Date | undefined;
  /** The name of the vault that it goes to. */
  readonly vault: string;
}

export interface BackupJob {
  readonly id: string;
  /** Of a copy: empty until AWS names it. */
  readonly recoveryPointArn: string;
  readonly state: 'running' | 'completed' | 'failed';
  /** 0 to 100. */
  readonly progress: number;
  /** AWS's words. */
  readonly reason: string | undefined;
  readonly createdAt: Date | undefined;
}

export interface RestoreJob {
  readonly id: string;
  readonly state: 'running' | 'completed' | 'failed';
  /** 0 to 100. */
  readonly progress: number;
  /** AWS's words. */
  readonly reason: string | undefined;
  readonly createdAt: Date | undefined;
}

export interface RecoveryPoint {
  readonly arn: string;
  /** `partial`: the job failed half-way; it cannot be relied on. */
  readonly state: 'completed' | 'partial' | 'deleting' | 'expired';
  readonly createdAt: Date | undefined;
}
