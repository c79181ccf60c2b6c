import type { TransferObjects } from '#shared/aws/archive/transfer-objects.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { replace } from '#shared/aws/table/writes.ts';
import {
  transferKey,
  type ImportSource,
  type SentPart,
  type SignedPart,
  type WantedPart,
} from '#shared/model/archive-transfer.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { TaskItem, TransferItem } from '#shared/model/items.ts';
import type { Operation } from '#shared/model/operation.ts';
import { viewOperation } from '#shared/model/rules-view.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import { settle } from '#functions/volumes/settle.ts';
import { bootedRecord, type HostPorts } from './host-ports.ts';
import { taskOf } from './host-tasks.ts';

export interface HostTransferPorts extends HostPorts {
  readonly objects: TransferObjects;
}

interface HostCall {
  readonly operation: string;
  readonly bootId: string;
}

/**
 * Where the parts of an archive go that the host packs. The first call of a try begins an upload for it, and ends the one
 * before.
 * @throws ProductError OperationNotFound without such a task
 */
export async function signExportParts(
  ports: HostTransferPorts,
  caller: Caller,
  { parts, attempt, ...call }: HostCall & { attempt: string; parts: readonly WantedPart[] },
): Promise<SignedPart[]> {
  return settle(async () => {
    const transfer = await ownTransfer(ports, caller, { ...call, kind: 'export' });
    const current = transfer.attempt === attempt ? transfer : await beginTry(ports, transfer, attempt);
    return ports.objects.signParts(uploadOf(current), parts);
  });
}

async function beginTry(
  { table, objects }: HostTransferPorts,
  transfer: TransferItem,
  attempt: string,
): Promise<TransferItem> {
  if (transfer.uploadId !== undefined) await objects.abort(uploadOf(transfer));
  const uploadId = await objects.begin(transferKey(transfer.id));
  // What an earlier try had sent does not count any more.
  const next = {
    ...transfer,
    attempt,
    uploadId,
    sizeBytes: undefined,
    sha256: undefined,
    versionId: undefined,
  };
  await table.transact([replace('transfer', transfer, next)]);
  return next;
}

/** The archive is sent. @throws ProductError OperationNotFound; StaleEpoch of another try; TransferFailed */
export async function completeExport(
  ports: HostTransferPorts,
  caller: Caller,
  call: HostCall & { attempt: string; parts: readonly SentPart[]; sizeBytes: number; sha256: string },
): Promise<Operation> {
  return settle(async () => {
    const { parts, sizeBytes, sha256 } = call;
    const transfer = await ownTransfer(ports, caller, { ...call, kind: 'export' });
    if (transfer.attempt !== call.attempt) throw otherTry(call.attempt);
    if (transfer.sha256 !== sha256) {
      const { versionId } = await ports.objects.complete(uploadOf(transfer), parts);
      const next = { ...transfer, sizeBytes, sha256, versionId };
      await ports.table.transact([replace('transfer', transfer, next)]);
    }
    const operation = await ports.table.readOperation(call.operation);
    if (operation === undefined) throw noTask(call.operation);
    return viewOperation(operation);
  });
}

/** Where the host fetches the archive that it is to unpack. @throws ProductError OperationNotFound without such a task */
export async function importSource(
  ports: HostTransferPorts,
  caller: Caller,
  call: HostCall,
): Promise<ImportSource> {
  const transfer = await ownTransfer(ports, caller, { ...call, kind: 'import' });
  const { id, versionId, sizeBytes, sha256 } = transfer;
  if (sizeBytes === undefined || sha256 === undefined) throw noTask(id);
  const { url } = await ports.objects.signGet({ key: transferKey(id), versionId });
  return { url, sizeBytes, sha256 };
}

const reads: ReadonlySet<TaskItem['kind']> = new Set<TaskItem['kind']>([
  'extract',
  'extract-files',
  'read-archive',
]);

/** The transfer of a task that this host was given and has not answered yet. */
async function ownTransfer(
  ports: HostTransferPorts,
  caller: Caller,
  { operation, bootId, kind }: HostCall & Pick<TransferItem, 'kind'>,
): Promise<TransferItem> {
  const { host } = await bootedRecord(ports, caller, bootId);
  const task = await taskOf(ports, host.id, operation);
  const transfer = await ports.table.read('transfer', keys.transfer(operation));
  // What is read from a backup is sent like an export.
  const asked = (reads.has(task.kind) ? 'export' : task.kind) === kind && task.result === undefined;
  // Removed: the operation has given it up.
  if (asked && transfer?.kind === kind && !transfer.removed) return transfer;
  throw noTask(operation);
}

function uploadOf({ id, uploadId = '' }: TransferItem): { key: string; uploadId: string } {
  return { key: transferKey(id), uploadId };
}

function noTask(operation: string): ProductError {
  return new ProductError('OperationNotFound', `The operation ${operation} needs no transfer any more.`, {
    value: operation,
  });
}

function otherTry(attempt: string): ProductError {
  return new ProductError('StaleEpoch', 'Another try to send this archive has begun since.', {
    value: attempt,
  });
}
