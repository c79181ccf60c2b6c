import type { BackupJob, RecoveryPoint, RestoreJob } from './recovery-points.ts';

/** AWS Backup's answers, as far as they are read. */
interface JobAnswer {
  readonly RecoveryPointArn?: string | undefined;
  readonly StatusMessage?: string | undefined;
  readonly PercentDone?: string | undefined;
  readonly CreationDate?: Date | undefined;
}

/** CREATED, PENDING, RUNNING and ABORTING go on; what is none of these and not COMPLETED has failed: ABORTED, FAILED, EXPIRED, PARTIAL. */
const underWay: ReadonlySet<string> = new Set(['CREATED', 'PENDING', 'RUNNING', 'ABORTING']);

export function toBackupJob(
  answer: JobAnswer & { readonly BackupJobId?: string | undefined; readonly State?: string | undefined },
): BackupJob {
  return {
    id: answer.BackupJobId ?? '',
    recoveryPointArn: answer.RecoveryPointArn ?? '',
    ...progressOf(answer, answer.State),
  };
}

export function toCopyJob(answer: {
  readonly CopyJobId?: string | undefined;
  readonly DestinationRecoveryPointArn?: string | undefined;
  readonly State?: string | undefined;
  readonly StatusMessage?: string | undefined;
  readonly CreationDate?: Date | undefined;
}): BackupJob {
  return {
    id: answer.CopyJobId ?? '',
    recoveryPointArn: answer.DestinationRecoveryPointArn ?? '',
    ...progressOf(answer, answer.State),
  };
}

export function toRestoreJob(
  answer: JobAnswer & { readonly RestoreJobId?: string | undefined; readonly Status?: string | undefined },
): RestoreJob {
  return { id: answer.RestoreJobId ?? '', ...progressOf(answer, answer.Status) };
}

function progressOf(
  { StatusMessage, PercentDone, CreationDate }: JobAnswer,
  state = '',
): Omit<RestoreJob, 'id'> {
  const failed = state !== 'COMPLETED' && !underWay.has(state);
  return {
    state: state === 'COMPLETED' ? 'completed' : failed ? 'failed' : 'running',
    // "42.0" of backups, "42.00%" of restores.
    progress: Math.min(100, Math.max(0, Math.floor(Number.parseFloat(PercentDone ?? '0') || 0))),
    reason: failed ? (StatusMessage ?? `AWS Backup says ${state}.`) : undefined,
    createdAt: CreationDate,
  };
}

const states = {
  COMPLETED: 'completed',
  AVAILABLE: 'completed',
  CREATING: 'partial',
  PARTIAL: 'partial',
  STOPPED: 'completed',
  DELETING: 'deleting',
  EXPIRED: 'expired',
} as const;

export function toRecoveryPoint(answer: {
  readonly RecoveryPointArn?: string | undefined;
  readonly Status?: keyof typeof states | undefined;
  readonly CreationDate?: Date | undefined;
}): RecoveryPoint {
  return {
    arn: answer.RecoveryPointArn ?? '',
    state: states[answer.Status ?? 'COMPLETED'],
    createdAt: answer.CreationDate,
  };
}
