import type { Repositories, RepositoryUse } from '#shared/aws/archive/repositories.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, TaskItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { repositoryName, type RepositoryGrant } from '#shared/model/repository.ts';
import type { RepositoryTask } from '#shared/model/task.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import { bootedRecord, type HostPorts } from './host-ports.ts';
import { taskOf } from './host-tasks.ts';

export interface RepositoryPorts extends HostPorts {
  readonly repositories: Repositories;
}

interface GrantCall {
  readonly operation: string;
  readonly bootId: string;
  readonly begin: boolean;
}

const uses: Readonly<Record<RepositoryTask['kind'], RepositoryUse>> = {
  archive: 'write',
  fill: 'read',
  forget: 'remove',
  'verify-archive': 'read',
  'read-archive': 'read',
};

/**
 * Keys and password of the repository that the host's own task is about, for as long as the task stands. The same again
 * gives newer keys.
 * @throws ProductError OperationNotFound without such a task; IllegalState when a repository that holds backups is to be
 *   begun.
 */
export async function grantRepository(
  ports: RepositoryPorts,
  caller: Caller,
  { operation, bootId, begin }: GrantCall,
): Promise<RepositoryGrant> {
  const { host } = await bootedRecord(ports, caller, bootId);
  const task = await standingTask(ports, await taskOf(ports, host.id, operation));
  const backup = await ports.table.readBackup(task.backupId);
  if (backup === undefined) throw noTask(operation);
  const { repository } = task;
  if (begin) await refuseBegin(ports, backup, task);
  const access = await ports.repositories.grant({ repository, use: uses[task.kind], hostId: host.id });
  const { repositories } = ports;
  const password = await (begin ? repositories.renewPassword(repository) : repositories.password(repository));
  return { ...access, password };
}

/** A host that was given up, or has reported, gets nothing more. */
async function standingTask({ table }: HostPorts, task: TaskItem): Promise<RepositoryTask> {
  const operation = await table.readOperation(task.operationId);
  const stands = task.result === undefined && operation !== undefined && !isFinished(operation.status); // guard: grant-while-task off: const stands = operation !== undefined;
  if (stands && isOnRepository(task)) return task;
  throw noTask(task.operationId);
}

function isOnRepository(task: TaskItem): task is TaskItem & RepositoryTask {
  return Object.hasOwn(uses, task.kind);
}

/** Contract 7: a new password would lock every backup away that is there. */
async function refuseBegin(
  { table }: HostPorts,
  { volumeId }: BackupItem,
  task: RepositoryTask,
): Promise<void> {
  const backups = await table.listBackupsOf(volumeId);
  const name = repositoryName(task.repository);
  const made = backups.find(
    ({ storage }) =>
      storage?.kind === 'archive' &&
      storage.snapshot !== undefined &&
      repositoryName(storage.repository) === name,
  );
  if (task.kind === 'archive' && made === undefined) return; // guard: password-kept off: if (task.kind === 'archive') return;
  throw new ProductError('IllegalState', 'The repository holds backups, and cannot be found.', {
    value: made?.id ?? task.kind,
    hint: 'Look whether its bucket and prefix are there; nothing was changed.',
  });
}

function noTask(operation: string): ProductError {
  return new ProductError('OperationNotFound', `The operation ${operation} needs no repository any more.`, {
    value: operation,
  });
}
