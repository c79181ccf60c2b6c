import { createHash } from 'node:crypto';
import { ProductError } from '#shared/model/errors.ts';
import type { OperationItem, ReceiptItem, VolumeItem } from '#shared/model/items.ts';
import { startOperation } from '#shared/aws/table/volume-writes.ts';
import { create, type Write } from '#shared/aws/table/writes.ts';
import { workerOf } from '#shared/model/rules-use.ts';
import type { Call, Ports } from './ports.ts';

/** What is decided, before it is written. */
export interface Intent {
  readonly writes: readonly Write[];
  /** The volume's id, or the host's. */
  readonly subject: string;
  /** Status of the answer. */
  readonly status: 200 | 201 | 202;
  readonly operation?: OperationItem;
  /** Hosts whose part changes. */
  readonly wake?: readonly string[];
}

/** The id of the call's operation: derived from namespace, caller and key where there is a key, else new. */
export function operationIdOf(ports: Ports, { namespace, caller, idempotencyKey }: Call): string {
  if (idempotencyKey === undefined) return `op-${ports.newId()}`;
  const name = JSON.stringify([namespace, caller.userId, idempotencyKey]);
  return `op-${createHash('sha256').update(name).digest('hex')}`;
}

/**
 * What an earlier request with the same key was about; the answer is then rendered from the live record.
 * @throws ProductError IdempotencyMismatch when that was another request.
 */
export async function priorOf(ports: Ports, call: Call): Promise<ReceiptItem | undefined> {
  if (call.idempotencyKey === undefined) return undefined;
  const receipt = await ports.table.readReceipt(operationIdOf(ports, call));
  if (receipt === undefined || receipt.requestHash === call.requestHash) return receipt;
  throw new ProductError('IdempotencyMismatch', 'This idempotency key was used for another request.', {
    value: call.idempotencyKey,
    hint: 'Use a new key for each request, and the same key only to repeat one.',
  });
}

/** State first: the intent, its operation and its receipt in one transaction. Then the work is started and hosts are woken. */
export async function commit(ports: Ports, call: Call, intent: Intent): Promise<void> {
  const { operation, wake = [] } = intent;
  const writes = [
    ...intent.writes,
    ...(operation === undefined ? [] : startOperation(operation)),
    ...(call.idempotencyKey === undefined ? [] : [create('receipt', receiptOf(ports, call, intent))]),
  ];
  if (writes.length > 0) await ports.table.transact(writes);
  if (operation !== undefined) await startWork(ports, operation);
  for (const host of new Set(wake)) await ports.waker.wake(host);
}

/** A start that fails is the sweeper's to repeat: the intent is written. */
async function startWork({ workflow, log }: Ports, operation: OperationItem): Promise<void> {
  try {
    await workflow.start(operation);
  } catch (error) {
    log.warn('operation not started yet', { operation: operation.id, error });
  }
}

function receiptOf(ports: Ports, call: Call, { subject, status }: Intent): ReceiptItem {
  return {
    operationId: operationIdOf(ports, call),
    namespace: call.namespace,
    caller: call.caller.userId,
    requestHash: call.requestHash,
    subject,
    status,
    at: ports.clock().toISOString(),
  };
}

export type OperationParts = Pick<OperationItem, 'kind' | 'message'> &
  Partial<
    Pick<
      OperationItem,
      'backup' | 'driver' | 'host' | 'fromHost' | 'forceDetach' | 'epoch' | 'guard' | 'kept' | 'waitUntil'
    >
  >;

/** A new operation on a volume. */
export function newOperation(
  ports: Ports,
  call: Call,
  { volume, parts }: { volume: VolumeItem; parts: OperationParts },
): OperationItem {
  const now = ports.clock().toISOString();
  return {
    forceDetach: false,
    driver: workerOf(volume.driver),
    ...parts,
    id: operationIdOf(ports, call),
    namespace: volume.namespace,
    volumeId: volume.id,
    volume: volume.name,
    status: 'pending',
    progress: 0,
    caller: call.caller.arn,
    createdAt: now,
    updatedAt: now,
    trail: [],
    ...(call.idempotencyKey === undefined ? {} : { requestHash: call.requestHash }),
  };
}
