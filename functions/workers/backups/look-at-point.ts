import type { BackupJob, RecoveryPoints, RecoveryRegions } from '#shared/aws/backup/recovery-points.ts';
import { keys, partitions, prefixes } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { BackupItem, SharedPointItem } from '#shared/model/items.ts';
import type { ChangeFacts } from '../change.ts';
import { done } from '../planner.ts';
import type { SharedPoint } from './shared-point.ts';

interface PointPorts {
  readonly table: Pick<Table, 'read' | 'list'>;
  readonly recovery: RecoveryRegions;
}

/** The vault that the backup's point is in, or is to be. */
export function vaultOf(
  recovery: RecoveryRegions,
  backup: BackupItem | undefined,
  item: SharedPointItem | undefined,
): RecoveryPoints {
  return recovery.in(backup?.region ?? '', item?.vault);
}

/** What a backup shares with those of its run; undefined where there is nothing to share any more. */
export async function lookAtPoint(
  ports: PointPorts,
  { operation, record }: ChangeFacts,
  { backup, source }: { readonly backup: BackupItem; readonly source: BackupItem | undefined },
): Promise<SharedPoint | undefined> {
  const fileSystemId = fileSystemOf(backup) ?? fileSystemOf(source ?? record.volume);
  const { run } = backup;
  if (fileSystemId === undefined || run === undefined) return undefined;
  const item = await ports.table.read('sharedPoint', keys.sharedPoint(fileSystemId, run));
  const own = item?.operationId === operation.id ? item : undefined;
  const users = await usersOf(ports, { fileSystemId, run });
  const joined = await ports.table.read('sharedUser', keys.sharedUser(fileSystemId, run, backup.id));
  const arn = own?.recoveryPointArn;
  const deleted = own?.state === 'deleting' && arn !== undefined && done(operation, 'deletePoint');
  return {
    fileSystemId,
    run,
    item,
    joined: joined !== undefined,
    others: users.some((id) => id !== backup.id),
    queued: backup.copyOf === undefined && waitsForJob(own) && (await isQueued(ports, own)),
    job: own?.state === 'creating' ? await jobOf(ports, own, { backup, source }) : undefined,
    lingers: deleted && (await vaultOf(ports.recovery, backup, own).findPoint(arn)) !== undefined,
  };
}

function waitsForJob(own: SharedPointItem | undefined): own is SharedPointItem {
  return own?.state === 'creating' && own.jobId === undefined;
}

/** A copy's job is known where it was begun: in the Region of what is copied. */
async function jobOf(
  { recovery }: PointPorts,
  { jobId }: SharedPointItem,
  { backup, source }: { readonly backup: BackupItem; readonly source: BackupItem | undefined },
): Promise<BackupJob | undefined> {
  if (jobId === undefined) return undefined;
  if (backup.copyOf === undefined) return recovery.in(backup.region).findBackup(jobId);
  return source === undefined ? undefined : recovery.in(source.region).findCopy(jobId);
}

function fileSystemOf({
  storage,
}: {
  readonly storage?: { readonly kind: string } | undefined;
}): string | undefined {
  return storage !== undefined && 'fileSystemId' in storage ? String(storage.fileSystemId) : undefined;
}

/** Two are enough to know of another one. */
async function usersOf(
  { table }: PointPorts,
  { fileSystemId, run }: Pick<SharedPoint, 'fileSystemId' | 'run'>,
): Promise<string[]> {
  const { items } = await table.list('sharedUser', {
    pk: partitions.pointUsers(fileSystemId, run),
    limit: 2,
  });
  return items.map(({ backupId }) => backupId);
}

/** Whoever has begun goes first, then the oldest. */
async function isQueued({ table }: PointPorts, own: SharedPointItem): Promise<boolean> {
  const { fileSystemId, run, createdAt } = own;
  const { items } = await table.list('sharedJob', {
    pk: partitions.fileSystem(fileSystemId),
    prefix: prefixes.sharedJob,
    limit: 100,
  });
  for (const other of items) {
    if (other.run === run) continue;
    const point = await table.read('sharedPoint', keys.sharedPoint(fileSystemId, other.run));
    if (point?.state !== 'creating') continue;
    const older = `${point.createdAt} ${point.run}` < `${createdAt} ${run}`;
    if (point.jobId !== undefined || older) return true;
  }
  return false;
}
