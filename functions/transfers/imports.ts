import { keys } from '#shared/aws/table/keys.ts';
import { create, replace, type Write } from '#shared/aws/table/writes.ts';
import {
  transferKey,
  type BeginImport,
  type CompleteImport,
  type Import,
  type SignedPart,
  type WantedPart,
} from '#shared/model/archive-transfer.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { ImportingItem, TransferItem, VolumeItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { planParts } from '#shared/model/transfer.ts';
import { refuseIdleForce } from '#functions/backups/replace-files.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { findVolume } from '#functions/volumes/find.ts';
import { commit, operationIdOf, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { planImport, unpacking } from './import-plan.ts';
import { findTransfer, type TransferPorts } from './ports.ts';

/**
 * Begins to send an archive to a volume. What the volume may hold is replaced, and kept before that, with `inPlace` alone.
 * @throws ProductError VolumeNotFound; those of {@link planImport}; InvalidInput for `force` without `inPlace`;
 *   LimitExceeded.
 */
export async function beginImport(
  ports: TransferPorts,
  call: Call,
  { volume: name, sizeBytes, partBytes, ...wanted }: BeginImport & { readonly volume: string },
): Promise<Import> {
  return settle(async () => {
    const id = operationIdOf(ports, call);
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return getImport(ports, { namespace: call.namespace, upload: id });
    refuseIdleForce(wanted);
    const record = await findVolume(ports, call.namespace, name);
    const { volume } = record;
    await planImport(ports, record, wanted);
    planParts(sizeBytes, partBytes);
    const transfer: TransferItem = {
      id,
      kind: 'import',
      namespace: volume.namespace,
      volumeId: volume.id,
      volume: volume.name,
      uploadId: await ports.objects.begin(transferKey(id)),
      partBytes,
      ...(wanted.inPlace === true ? { inPlace: true } : {}),
      sizeBytes,
      removed: false,
      createdAt: ports.clock().toISOString(),
    };
    await commit(ports, call, { writes: [create('transfer', transfer)], subject: volume.id, status: 200 });
    return view(ports, transfer);
  });
}

interface Named {
  readonly namespace: string;
  readonly upload: string;
}

/** @throws ProductError OperationNotFound */
export async function getImport(ports: Ports, { namespace, upload: id }: Named): Promise<Import> {
  return view(ports, await findTransfer(ports, { namespace, id, kind: 'import' }));
}

async function view(ports: Ports, transfer: TransferItem): Promise<Import> {
  const { id, namespace, volumeId, volume, sizeBytes = 0, partBytes = 0, inPlace, createdAt } = transfer;
  const status = (await ports.table.readOperation(id))?.status;
  const report = (await ports.table.read('task', keys.task(id)))?.result?.transfer;
  const ended = { succeeded: 'done', failed: 'failed', pending: 'unpacking', running: 'unpacking' } as const;
  return {
    id,
    namespace,
    volumeId,
    volume,
    state: status === undefined ? 'receiving' : ended[status],
    sizeBytes,
    partBytes,
    ...(inPlace === true ? { inPlace } : {}),
    ...(report === undefined ? {} : { report }),
    createdAt,
  };
}

/** @throws ProductError OperationNotFound; IllegalState once it is complete */
export async function signImportParts(
  ports: TransferPorts,
  { namespace, upload: id, parts }: Named & { readonly parts: readonly WantedPart[] },
): Promise<SignedPart[]> {
  const transfer = await findTransfer(ports, { namespace, id, kind: 'import' });
  return ports.objects.signParts(uploadOf(transfer), parts);
}

function uploadOf({ id, uploadId, sha256 }: TransferItem): { key: string; uploadId: string } {
  if (uploadId !== undefined && sha256 === undefined) return { key: transferKey(id), uploadId };
  throw new ProductError('IllegalState', `${id} takes no parts any more.`, {
    value: id,
    hint: 'Begin again.',
  });
}

/**
 * All parts are sent: a host fetches the archive and unpacks it, in place once what is there is kept as a backup. The same
 * again gives the same operation.
 * @throws ProductError as {@link beginImport}; OperationInProgress while another archive is being unpacked;
 *   TransferFailed when the parts are not what was announced.
 */
export async function completeImport(
  ports: TransferPorts,
  call: Call,
  { upload: id, parts, sha256, host, force }: CompleteImport & { readonly upload: string },
): Promise<OperationAnswer> {
  // The upload stands for the request: a key has nothing to add.
  const own: Call = { ...call, idempotencyKey: undefined };
  return settle(async () => {
    const transfer = await findTransfer(ports, { namespace: call.namespace, id, kind: 'import' });
    const begun = await ports.table.readOperation(id);
    if (begun !== undefined) return showOperation(begun);
    const record = await findVolume(ports, call.namespace, transfer.volume);
    if (record.volume.id !== transfer.volumeId) throw otherVolume(transfer);
    const wanted = { inPlace: transfer.inPlace, force, host };
    refuseIdleForce(wanted);
    const claim = { volumeId: transfer.volumeId, operationId: id };
    const importing = await claimImporting(ports, claim, record.volume);
    const plan = await planImport(ports, record, wanted);
    const upload = { key: transferKey(id), uploadId: transfer.uploadId ?? '' };
    demandSize(transfer, parts);
    const { versionId } = await ports.objects.complete(upload, parts);
    const whole = replace('transfer', transfer, { ...transfer, sha256, versionId });
    const { operation, writes, wake } = unpacking(ports, own, { record, id, plan });
    await commit(ports, own, {
      writes: [whole, importing, ...writes],
      subject: record.volume.id,
      status: 202,
      operation,
      wake,
    });
    return showOperation(operation);
  });
}

/** One archive at a time. What an operation that has ended left does not count. */
async function claimImporting(ports: Ports, claim: ImportingItem, volume: VolumeItem): Promise<Write> {
  const standing = await ports.table.read('importing', keys.importing(claim.volumeId));
  if (standing === undefined) return create('importing', claim);
  const operation = await ports.table.readOperation(standing.operationId);
  if (operation === undefined || isFinished(operation.status)) return replace('importing', standing, claim);
  throw new ProductError('OperationInProgress', `Another archive is being unpacked into "${volume.name}".`, {
    value: volume.name,
    about: { volumeId: volume.id, operation: standing.operationId },
    hint: 'Wait for it to end.',
  });
}

function otherVolume({ volume }: TransferItem): ProductError {
  return new ProductError('VolumeNotFound', `The volume that was called "${volume}" is gone.`, {
    value: volume,
    hint: 'Begin again.',
  });
}

function demandSize({ sizeBytes = 0 }: TransferItem, parts: CompleteImport['parts']): void {
  const sent = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  if (sent === sizeBytes) return;
  throw new ProductError('TransferFailed', `${sent} bytes were sent, ${sizeBytes} were announced.`, {
    value: sent,
    allowed: String(sizeBytes),
    hint: 'Begin again.',
  });
}
