import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { OperationItem, ReceiptItem } from '#shared/model/items.ts';
import type { Operation } from '#shared/model/operation.ts';
import { viewOperation, viewVolumeFully } from '#shared/model/rules-view.ts';
import type { Volume } from '#shared/model/volume.ts';
import type { Ports } from './ports.ts';

type Headers = Readonly<Record<string, string>>;

/** The operation under way. */
export interface OperationAnswer {
  readonly status: 202;
  readonly body: Operation;
  readonly headers: Headers;
}

/** The volume as it is now, or the operation under way. */
export type Mutation = VolumeAnswer | OperationAnswer;

/** The same of a create: 201 when the volume is new. */
export type Creation = Mutation | { readonly status: 201; readonly body: Volume; readonly headers: Headers };

export interface VolumeAnswer {
  readonly status: 200;
  readonly body: Volume;
  readonly headers: Headers;
}

export function etagOf({ revision }: { readonly revision: number }): string {
  return `"${revision}"`;
}

export function volumePath({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): string {
  return `/v1/namespaces/${namespace}/volumes/${name}`;
}

/** The live record of a volume. @throws ProductError VolumeNotFound when it is gone for good. */
export async function showVolume(ports: Ports, volumeId: string): Promise<VolumeAnswer> {
  const record = await ports.table.readVolume(volumeId);
  if (record === undefined) {
    throw new ProductError('VolumeNotFound', 'The volume is gone.', { value: volumeId });
  }
  return showRecord(record);
}

/** A record as it was read. */
export function showRecord(record: VolumeRecord): VolumeAnswer {
  const body = viewVolumeFully(record);
  return { status: 200, body, headers: { etag: etagOf(body) } };
}

export async function showCreated(ports: Ports, volumeId: string): Promise<Creation> {
  const { body, headers } = await showVolume(ports, volumeId);
  return { status: 201, body, headers: { ...headers, location: volumePath(body) } };
}

export function showOperation(operation: OperationItem): OperationAnswer {
  return {
    status: 202,
    body: viewOperation(operation),
    headers: { location: `/v1/namespaces/${operation.namespace}/operations/${operation.id}` },
  };
}

/** The operation that owns a volume, or the volume where that has just ended. */
export async function showUnderWay(
  ports: Ports,
  volume: { readonly id: string; readonly operation?: string | undefined },
): Promise<Mutation> {
  const operation =
    volume.operation === undefined ? undefined : await ports.table.readOperation(volume.operation);
  return operation === undefined ? showVolume(ports, volume.id) : showOperation(operation);
}

/** Answers a repeated request from the live record. */
export async function showPrior(ports: Ports, receipt: ReceiptItem): Promise<Mutation> {
  const operation = await ports.table.readOperation(receipt.operationId);
  return operation === undefined ? showVolume(ports, receipt.subject) : showOperation(operation);
}

/** The same for a create, which says 201 again. */
export async function showPriorCreate(ports: Ports, receipt: ReceiptItem): Promise<Creation> {
  return receipt.status === 201 ? showCreated(ports, receipt.subject) : showPrior(ports, receipt);
}
