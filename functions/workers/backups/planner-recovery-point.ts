import { clientToken } from '#shared/aws/ec2/client-token.ts';
import type { SharedPointItem } from '#shared/model/items.ts';
import { ageOf, done, minutes, type Failure } from '../planner.ts';
import { isClosedBy } from './point-writes.ts';
import type { SharedPoint } from './shared-point.ts';
import { wait, type BackupFacts, type BackupStep } from './steps.ts';

/** A job that AWS Backup has made and does not show counts as coming for so long. */
const believeFor = minutes(40);

/** One recovery point of the whole file system, for all backups of a run: {@link SharedPoint}. */
export function planRecoveryPoint(facts: BackupFacts): BackupStep {
  const { shared, operation, record } = facts;
  if (shared === undefined || record.volume.storage?.kind !== 'efs')
    return fail(facts, { code: 'IllegalState', detail: `"${record.volume.name}" has no storage any more.` });
  const { item, joined } = shared;
  if (item === undefined) return { kind: 'sharePoint', message: 'Asking AWS Backup', progress: 5 };
  if (item.state === 'failed') return fail(facts, failureOf(item));
  if (item.state === 'deleting') return wait(facts, 'Waiting until another backup of its run is removed');
  if (!joined) return { kind: 'joinPoint', message: 'Sharing the recovery point of its run', progress: 10 };
  if (item.state === 'available') return finish(facts, item);
  if (item.operationId !== operation.id)
    return { ...wait(facts, 'AWS Backup is copying the file system'), progress: 20 };
  return drive(facts, shared, item);
}

/** The job, by the operation that drives it. */
function drive(facts: BackupFacts, { queued, job }: SharedPoint, item: SharedPointItem): BackupStep {
  if (item.jobId === undefined) {
    if (queued) return wait(facts, 'Waiting for another backup of the file system to end');
    return { kind: 'startPoint', token: tokenOf(item), message: 'Starting the backup job', progress: 15 };
  }
  if (job === undefined) return untilShown(facts, item);
  if (job.state === 'completed') return finish(facts, item);
  if (job.state === 'failed') return afterFailure(facts, item, job.reason);
  const progress = 20 + Math.floor(job.progress * 0.75);
  return { ...wait(facts, `AWS Backup is copying the file system: ${job.progress} %`), progress };
}

/** A point that is made again after its removal must not get the job of the first one. */
export function tokenOf({ fileSystemId, run, createdAt }: SharedPointItem): string {
  return clientToken(`${fileSystemId}#${run}#${createdAt}`, 1);
}

/** AWS has made the job, and says later that it has. */
export function untilShown(facts: BackupFacts, item: SharedPointItem): BackupStep {
  const lost = facts.now.getTime() - Date.parse(item.startedAt ?? item.createdAt) > believeFor;
  if (!lost) return wait(facts, 'Waiting for AWS Backup to show the job');
  return fail(facts, { code: 'StorageFailed', detail: 'AWS Backup does not show the job that it made.' });
}

/** A job that failed half-way may leave a recovery point that cannot be relied on. */
export function afterFailure(
  facts: BackupFacts,
  { recoveryPointArn: arn = '' }: Pick<SharedPointItem, 'recoveryPointArn'>,
  reason = '',
): BackupStep {
  if (arn !== '' && !done(facts.operation, 'discardPoint'))
    return { kind: 'discardPoint', arn, message: 'Removing what the failed job left', progress: 20 };
  return fail(facts, failureOf({ reason }));
}

export function failureOf({ reason = '' }: Pick<SharedPointItem, 'reason'>): Failure {
  return { code: 'StorageFailed', detail: `AWS Backup could not make the recovery point: ${reason}` };
}

function finish({ record }: BackupFacts, item: SharedPointItem): BackupStep {
  const { recoveryPointArn = '', fileSystemId, startedAt, createdAt } = item;
  const path = record.volume.storage?.kind === 'efs' ? record.volume.storage.path : '';
  const storage = { kind: 'recovery-point', recoveryPointArn, fileSystemId, path } as const;
  return { kind: 'finishPoint', storage, cutAt: startedAt ?? createdAt, message: 'Complete', progress: 100 };
}

/** Removes a backup, and with the last of its users the recovery point. */
export function planPointRemoval(facts: BackupFacts): BackupStep {
  const { shared, operation } = facts;
  const { item, joined = false } = shared ?? {};
  if (shared === undefined || item === undefined || item.state === 'failed' || !joined) return forget(facts);
  if (item.state === 'creating') return wait(facts, 'Waiting for the recovery point to be made');
  if (item.state === 'available')
    return { kind: 'closePoint', message: 'Looking who needs the recovery point', progress: 30 };
  if (!isClosedBy(facts)) return wait(facts, 'Waiting until another backup of its run is removed');
  if (shared.others) return forget(facts); // guard: point-shared
  if (item.recoveryPointArn !== undefined && !done(operation, 'deletePoint')) {
    const arn = item.recoveryPointArn;
    return { kind: 'deletePoint', arn, message: 'Removing the recovery point', progress: 60 };
  }
  if (shared.lingers) return linger(facts);
  return forget(facts);
}

/** AWS takes its time, and does not say when it could not do it. */
function linger(facts: BackupFacts): BackupStep {
  const { operation, now } = facts;
  if (ageOf(operation, now) < believeFor) return wait(facts, 'AWS Backup is removing the recovery point');
  const detail = 'AWS Backup did not remove the recovery point.';
  const failure: Failure = {
    code: 'StorageFailed',
    detail,
    hint: 'Look at it in AWS Backup, then delete the backup again.',
  };
  return { kind: 'restoreBackup', failure, message: detail, progress: operation.progress };
}

function forget({ record, others }: BackupFacts): BackupStep {
  const lastOfVolume = record.volume.state === 'purged' && !others;
  return { kind: 'forgetBackup', lastOfVolume, message: 'The backup is removed', progress: 100 };
}

export function fail({ operation }: BackupFacts, failure: Failure): BackupStep {
  return { kind: 'failBackup', failure, message: failure.detail, progress: operation.progress };
}
