import { randomUUID } from 'node:crypto';
import type { NewSnapshot, Snapshot, Snapshots } from '#shared/aws/ec2/block-storage.ts';
import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { put, replace } from '#shared/aws/table/writes.ts';
import { snapshotOfStorage } from '#shared/model/backup.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, OperationItem, StepItem, TaskItem } from '#shared/model/items.ts';
import type { Operation } from '#shared/model/operation.ts';
import { viewOperation } from '#shared/model/rules-view.ts';
import type { CutAnswer, TaskResult } from '#shared/model/task.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import { snapshotOf } from '#functions/workers/backups/snapshot-of.ts';
import { bootedRecord, heldVolume, type Held, type HostPorts } from './host-ports.ts';

/** The longest that the call of EC2 and what follows may take; the function itself ends a little later. */
const cutSeconds = 25;

export interface TaskPorts extends HostPorts {
  readonly snapshots: Pick<Snapshots, 'createSnapshot' | 'findSnapshots'>;
}

interface CutCall {
  readonly operation: string;
  readonly bootId: string;
  readonly epoch: number;
}

/**
 * Makes the snapshot of a volume that its host has frozen, and answers once it is made. The same again while the host
 * keeps it frozen gives the same snapshot.
 * @throws ProductError OperationNotFound without such a task; StaleEpoch; OperationInProgress while somebody else's step
 *   on the volume may be under way.
 */
export async function cutVolume(ports: TaskPorts, caller: Caller, request: CutCall): Promise<CutAnswer> {
  const host = await bootedRecord(ports, caller, request.bootId);
  const task = await taskOf(ports, host.host.id, request.operation);
  const held = await heldVolume(ports, host, { volumeId: task.volumeId, epoch: request.epoch });
  const { operation, backup } = await subjectOf(ports, task);
  const made = snapshotOfStorage(backup.storage);
  if (made !== undefined) return { snapshotId: made };
  const claim = await claimCut(ports, { task, held });
  const snapshot = await snapshotNow(ports, {
    task,
    wanted: snapshotOf(held.record.volume, operation, cutOf(task)),
  });
  const next = withSnapshot(ports, { backup, held, snapshot });
  await ports.table.confirmStep(claim, [replace('backup', backup, next)]);
  return { snapshotId: snapshot.id };
}

/** The host's own task. @throws ProductError OperationNotFound */
export async function taskOf(
  { table }: Pick<HostPorts, 'table'>,
  hostId: string,
  operationId: string,
): Promise<TaskItem> {
  const task = await table.read('task', keys.task(operationId));
  if (task !== undefined && task.hostId === hostId) return task;
  throw new ProductError('OperationNotFound', `${hostId} has no task of operation ${operationId}.`, {
    value: operationId,
  });
}

async function subjectOf(
  { table }: TaskPorts,
  { operationId }: TaskItem,
): Promise<{ operation: OperationItem; backup: BackupItem }> {
  const operation = await table.readOperation(operationId);
  const backup = await table.readBackup(operation?.backup ?? '');
  if (operation !== undefined && backup?.operation === operationId) return { operation, backup };
  throw new ProductError('OperationNotFound', `The operation ${operationId} needs no cut any more.`, {
    value: operationId,
  });
}

/** Contract 8: state first. From here on an answer may be lost, so the next one looks before it calls. */
async function claimCut(ports: TaskPorts, { task, held }: { task: TaskItem; held: Held }): Promise<StepItem> {
  const now = ports.clock();
  const claim: StepItem = {
    volumeId: held.record.volume.id,
    operationId: task.operationId,
    step: 'cut',
    token: randomUUID(),
    deadline: new Date(now.getTime() + cutSeconds * 1000).toISOString(),
  };
  const begun = { ...task, begun: true };
  const claimed = await ports.table.claimStep(claim, now, [
    replace('task', task, begun),
    put('hostTask', begun),
  ]);
  if (claimed) return claim;
  throw new ProductError('OperationInProgress', `A step on "${held.record.volume.name}" is under way.`, {
    value: held.record.volume.name,
    hint: 'Thaw, and try again soon.',
  });
}

/** Names one freeze: a snapshot of an earlier one does not count in this. */
function cutOf({ operationId, at }: TaskItem): string {
  return `${operationId} ${at}`;
}

/** CreateSnapshot takes no client token: after a try whose answer may have been lost it is looked for. */
async function snapshotNow(
  { snapshots }: TaskPorts,
  { task, wanted }: { task: TaskItem; wanted: NewSnapshot },
): Promise<Snapshot> {
  const [found] = task.begun ? await snapshots.findSnapshots({ cut: cutOf(task) }) : [];
  return found ?? snapshots.createSnapshot(wanted);
}

function withSnapshot(
  { clock }: TaskPorts,
  { backup, held, snapshot }: { backup: BackupItem; held: Held; snapshot: Snapshot },
): BackupItem {
  const { storage } = held.record.volume;
  const now = clock();
  return {
    ...backup,
    storage: {
      kind: 'snapshot',
      snapshotId: snapshot.id,
      sizeGiB: storage?.kind === 'ebs' ? storage.provisionedGiB : 1,
    },
    cutAt: (snapshot.startedAt ?? now).toISOString(),
    updatedAt: now.toISOString(),
  };
}

/** Takes a host's word of how its task ended. The same again changes nothing. @throws ProductError OperationNotFound */
export async function reportTask(
  ports: TaskPorts,
  caller: Caller,
  { operation, bootId, result }: { operation: string; bootId: string; result: TaskResult },
): Promise<Operation> {
  const { host } = await bootedRecord(ports, caller, bootId);
  const task = await taskOf(ports, host.id, operation);
  if (task.result === undefined) await ports.table.transact(answerTask(task, result));
  const item = await ports.table.readOperation(operation);
  if (item !== undefined) return viewOperation(item);
  throw new ProductError('OperationNotFound', `There is no operation ${operation}.`, { value: operation });
}
