import { askTask } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { create, replace } from '#shared/aws/table/writes.ts';
import type { CreateExport, Export, SignedUrl } from '#shared/model/archive-transfer.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { TaskItem, TransferItem } from '#shared/model/items.ts';
import { archiveMetadata, decideExport } from '#shared/model/rules-transfer.ts';
import { priorOperation } from '#functions/backups/answer.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { findVolume } from '#functions/volumes/find.ts';
import { commit, newOperation, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { chooseHost } from './choose-host.ts';
import { findTransfer, objectOf, type TransferPorts } from './ports.ts';

/** Hours that a transfer may take, and that an archive is kept: the bucket removes it after a day. */
export const transferHours = 24;

/**
 * Has a host pack a volume's files.
 * @throws ProductError VolumeNotFound; NotSupported, IllegalState of {@link decideExport}; IllegalState without a host.
 */
export async function createExport(
  ports: Ports,
  call: Call,
  { volume: name, host: asked }: CreateExport & { readonly volume: string },
): Promise<OperationAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return priorOperation(ports, prior);
    const record = await findVolume(ports, call.namespace, name);
    decideExport(record);
    const { volume, lease } = record;
    const { host } = await chooseHost(ports, record, asked);
    const message = `Waiting for ${host.id} to pack the files`;
    const parts = { kind: 'export', driver: 'backup', host: host.id, message } as const;
    const operation = newOperation(ports, call, { volume, parts });
    const { id, createdAt } = operation;
    const task: TaskItem = {
      ...newTask({ operationId: id, hostId: host.id, volumeId: volume.id, at: createdAt }),
      kind: 'export',
      name: volume.name,
      epoch: lease?.epoch ?? 0,
      metadata: archiveMetadata(volume, ports.clock()),
    };
    const transfer: TransferItem = {
      id,
      kind: 'export',
      namespace: volume.namespace,
      volumeId: volume.id,
      volume: volume.name,
      removed: false,
      createdAt,
    };
    const writes = [create('transfer', transfer), ...askTask(task)];
    await commit(ports, call, { writes, subject: volume.id, status: 202, operation, wake: [host.id] });
    return showOperation(operation);
  });
}

/** What tasks of transfers have in common. */
export function newTask(parts: Pick<TaskItem, 'operationId' | 'hostId' | 'volumeId' | 'at'>) {
  const deadline = new Date(Date.parse(parts.at) + transferHours * 3_600_000).toISOString();
  return { ...parts, deadline, begun: false };
}

interface Named {
  readonly namespace: string;
  readonly operation: string;
}

/** @throws ProductError OperationNotFound */
export async function getExport(ports: Ports, { namespace, operation: id }: Named): Promise<Export> {
  return view(ports, await findTransfer(ports, { namespace, id, kind: 'export' }));
}

async function view(ports: Ports, transfer: TransferItem): Promise<Export> {
  const { id, namespace, volumeId, volume, sizeBytes, sha256, createdAt } = transfer;
  const operation = await ports.table.readOperation(id);
  const task = await ports.table.read('task', keys.task(id));
  const report = task?.result?.transfer;
  return {
    operation: id,
    namespace,
    volumeId,
    volume,
    state: stateOf(ports, transfer, operation?.status),
    ...(sha256 === undefined || sizeBytes === undefined ? {} : { sizeBytes, sha256 }),
    ...(report === undefined ? {} : { report }),
    createdAt,
  };
}

function stateOf(
  { clock }: Ports,
  { removed, createdAt }: TransferItem,
  status: string | undefined,
): Export['state'] {
  if (status === 'failed') return 'failed';
  const old = clock().getTime() - Date.parse(createdAt) >= transferHours * 3_600_000;
  if (removed || old) return 'removed';
  return status === 'succeeded' ? 'ready' : 'packing';
}

/** @throws ProductError OperationNotFound; IllegalState unless it is ready */
export async function signExport(ports: TransferPorts, named: Named): Promise<SignedUrl> {
  const { namespace, operation: id } = named;
  const transfer = await findTransfer(ports, { namespace, id, kind: 'export' });
  const { state } = await view(ports, transfer);
  if (state === 'ready') return ports.objects.signGet(objectOf(transfer));
  throw new ProductError('IllegalState', `The archive of ${id} is ${state}.`, {
    value: state,
    allowed: 'ready',
    hint: state === 'packing' ? 'Wait for the operation to end.' : 'Begin again.',
  });
}

/** Removes the archive; the same again changes nothing. @throws ProductError OperationNotFound; IllegalState while it is packed */
export async function removeExport(ports: TransferPorts, named: Named): Promise<Export> {
  const { namespace, operation: id } = named;
  return settle(async () => {
    const transfer = await findTransfer(ports, { namespace, id, kind: 'export' });
    const { state } = await view(ports, transfer);
    if (state === 'packing')
      throw new ProductError('IllegalState', `${id} is still being packed.`, {
        value: state,
        hint: 'Wait for the operation to end.',
      });
    if (state === 'ready') {
      await ports.objects.remove(objectOf(transfer));
      await ports.table.transact([replace('transfer', transfer, { ...transfer, removed: true })]);
    }
    return getExport(ports, named);
  });
}
