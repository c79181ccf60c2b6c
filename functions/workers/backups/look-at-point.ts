import type { RecoveryPoints } from '#shared/aws/backup/recovery-points.ts';
import { keys, partitions, prefixes } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { BackupItem, SharedPointItem } from '#shared/model/items.ts';
import type { ChangeFacts } from '../change.ts';
import { done } from '../planner.ts';
import type { SharedPoint } from './shared-point.ts';

interface PointPorts {
  readonly table: Pick<Table, 'read' | 'list'>;
  readonly recovery: RecoveryPoints;
}

/** What a backup shares with those of its run; undefined where there is nothing to share any more. */
export async function lookAtPoint(
  ports: PointPorts,
  { operation, record }: ChangeFacts,
  backup: BackupItem,
): Promise<SharedPoint | undefined> {
  const fileSystemId = fileSystemOf(backup) ?? fileSystemOf(record.volume);
  const { run } = backup;
  if (fileSystemId === undefined || run === undefined) return undefined;
  const item = await ports.table.read('sharedPoint', keys.sharedPoint(fileSystemId, run));
  const own = item?.operationId === operation.id ? item : undefined;
  const users = await usersOf(ports, { fileSystemId, run });
  const joined = await ports.table.read('sharedUser', keys.sharedUser(fileSystemId, run, backup.id));
  const { jobId, recoveryPointArn: arn } = own ?? {};
  const deleted = own?.state === 'deleting' && arn !== undefined && done(operation, 'deletePoint');
  return {
    fileSystemId,
    run,
    item,
    joined: joined !== undefined,
    others: users.some((id) => id !== backup.id),
    queued: own?.state === 'creating' && jobId === undefined && (await isQueued(ports, own)),
    job:
      own?.state === 'creating' && jobId !== undefined ? await ports.recovery.findBackup(jobId) : undefined,
    lingers: deleted && (await ports.recovery.findPoint(arn)) !== undefined,
  };
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
