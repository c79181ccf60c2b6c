import type { RecoveryPoints } from '#shared/aws/backup/recovery-points.ts';
import { keys } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import { isFinished } from '#shared/model/operation.ts';
import type { ChangeFacts } from '../change.ts';
import type { RestoreFacts } from '../planner-efs-restore.ts';

interface RestorePorts {
  readonly table: Pick<Table, 'read' | 'readOperation'>;
  readonly recovery: RecoveryPoints;
}

/** Of a volume that is made from a recovery point, until its directory is known. */
export async function lookAtRestore(
  { table, recovery }: RestorePorts,
  { operation, record }: ChangeFacts,
): Promise<RestoreFacts | undefined> {
  const { incoming, madeFrom } = record.volume;
  const point = (incoming?.madeFrom ?? madeFrom)?.recoveryPoint;
  if (point === undefined || point.directory !== undefined) return undefined;
  const restoring = await table.read('restoring', keys.restoring(point.sourceId));
  const holder = restoring === undefined ? undefined : await table.readOperation(restoring.operationId);
  const task = await table.read('task', keys.task(operation.id));
  return {
    restoring,
    restoringLive: holder !== undefined && !isFinished(holder.status),
    job: point.jobId === undefined ? undefined : await recovery.findRestore(point.jobId),
    task: task?.kind === 'locate' ? task : undefined,
  };
}
