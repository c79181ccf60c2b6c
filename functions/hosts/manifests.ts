import type { SignedObjects } from '#shared/aws/signed-objects.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { manifestKey } from '#shared/model/drill.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, TaskItem } from '#shared/model/items.ts';
import type { ManifestAnswer, ManifestRequest } from '#shared/model/task.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import { settle } from '#functions/volumes/settle.ts';
import { bootedRecord, type HostPorts } from './host-ports.ts';
import { taskOf } from './host-tasks.ts';

export interface ManifestPorts extends HostPorts {
  /** The manifests in the archive bucket. */
  readonly manifests: SignedObjects;
}

/**
 * What a host asks about the manifest of its task's backup: where to write it once it is made, that it has, and where to read it
 * for its drill.
 * @throws ProductError OperationNotFound without such a task; IllegalState for what the task does not include.
 */
export async function manifestOf(
  ports: ManifestPorts,
  caller: Caller,
  { operation, ...request }: ManifestRequest & { readonly operation: string },
): Promise<ManifestAnswer> {
  return settle(async () => {
    const { host } = await bootedRecord(ports, caller, request.bootId);
    const task = await taskOf(ports, host.id, operation);
    if (request.want === 'read') return readable(ports, task);
    const backup = await cutBy(ports, task);
    const { manifest } = request;
    if (request.want === 'write') return ports.manifests.put(manifestKey(backup.id), manifest.sha256);
    const updatedAt = ports.clock().toISOString();
    await ports.table.transact([replace('backup', backup, { ...backup, manifest, updatedAt })]);
    return { headers: {} };
  });
}

async function readable({ manifests }: ManifestPorts, task: TaskItem): Promise<ManifestAnswer> {
  if ((task.kind === 'verify' || task.kind === 'verify-archive') && task.manifest !== undefined)
    return manifests.get(manifestKey(task.backupId));
  throw unfit(task, 'has no manifest to read');
}

/** The backup that the host made the cut of, under a freeze that held, or whose files it has sent. */
async function cutBy({ table }: ManifestPorts, task: TaskItem): Promise<BackupItem> {
  const operation = await table.readOperation(task.operationId);
  const backup = await table.readBackup(operation?.backup ?? '');
  const makes = task.kind === 'cut' || task.kind === 'archive';
  const isCut = makes && task.result?.outcome === 'done';
  if (isCut && backup?.storage !== undefined && backup.state !== 'deleting') return backup; // guard: manifest-of-cut off: if (backup !== undefined) return backup;
  throw unfit(task, 'has made no backup');
}

function unfit({ operationId, kind }: TaskItem, why: string): ProductError {
  return new ProductError('IllegalState', `The task of operation ${operationId} ${why}.`, { value: kind });
}
