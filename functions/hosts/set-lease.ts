import type * as z from 'zod';
import { changeAttachment } from '#shared/aws/table/volume-writes.ts';
import { check, put, replace, type Write } from '#shared/aws/table/writes.ts';
import type { FilesystemRecord } from '#shared/model/volume.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { LeaseRequest } from '#shared/model/host.ts';
import { isInUse, isSingleWriter, refuseFilling, underWay, useOf } from '#shared/model/rules-use.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import { leaseOf } from '#functions/volumes/attach-volume.ts';
import { settle } from '#functions/volumes/settle.ts';
import { fillsOf } from './claim-volume.ts';
import { bootedRecord, heldVolume, type Held, type HostPorts } from './host-ports.ts';

type Request = z.output<typeof LeaseRequest> & { readonly volumeId: string };

export interface LeaseState {
  readonly epoch: number;
  readonly inUse: boolean;
  readonly filesystem: FilesystemRecord;
}

/**
 * Contract 3: set before a mount, cleared when nothing on the host holds the device any more.
 * @throws ProductError StaleEpoch when the host does not hold it under this epoch; OperationInProgress when it is to be given back.
 */
export async function setLease(ports: HostPorts, caller: Caller, request: Request): Promise<LeaseState> {
  return settle(async () => {
    const host = await bootedRecord(ports, caller, request.bootId);
    const held = await heldVolume(ports, host, request);
    if (request.inUse) refuseNewUse(held); // guard: lease-handed-back
    if (request.inUse) await refuseWhileFilled(ports, held); // guard: lease-filling
    if (isOfEarlierUse(held, request)) throw earlierUse(held); // guard: lease-use
    const writes = isSingleWriter(held.record.volume.driver)
      ? leaseWrites(ports, held, request)
      : attachmentWrites(ports, held, request);
    if (writes.length > 0) await ports.table.transact(writes);
    return {
      epoch: request.epoch,
      inUse: request.inUse,
      filesystem: held.record.lease?.filesystem ?? { state: 'none' },
    };
  });
}

/** A use that began before goes on; none begins on what is still coming, or is to be given back. */
function refuseNewUse({ record, attachment }: Held): void {
  if (attachment.actual !== 'attached' || attachment.desired !== 'attached') throw underWay(record.volume);
}

/** What is in it is about to be replaced, or was not replaced as a whole: only the host that does so may use it. */
async function refuseWhileFilled(ports: HostPorts, { record, attachment }: Held): Promise<void> {
  const { volume } = record;
  if (volume.filling === undefined || isInUse(record, attachment)) return;
  if ((await fillsOf(ports, volume, attachment.hostId)) === undefined) refuseFilling(volume);
}

/** A clear whose answer was lost may be carried out when the next use has begun: it is not meant for that one. */
function isOfEarlierUse({ record, attachment }: Held, { inUse, use }: Request): boolean {
  const current = useOf(record, attachment);
  return !inUse && use !== undefined && current !== undefined && use !== current;
}

function earlierUse({ record, attachment }: Held): ProductError {
  return new ProductError('StaleEpoch', `Another use of "${record.volume.name}" has begun since.`, {
    about: { volumeId: record.volume.id, host: attachment.hostId },
    hint: 'Sync: the assignment names the use that there is.',
  });
}

function leaseWrites(ports: HostPorts, { record, attachment }: Held, request: Request): Write[] {
  const lease = leaseOf(record);
  const { bootId, use } = request.inUse ? request : { bootId: undefined, use: undefined };
  if (lease.inUse === request.inUse && lease.bootId === bootId && lease.use === use) return [];
  const next = { ...lease, inUse: request.inUse, bootId, use, updatedAt: ports.clock().toISOString() };
  return [replace('lease', lease, next), check('attachment', attachment)];
}

function attachmentWrites(
  { clock }: HostPorts,
  { record, attachment }: Held,
  { inUse, ...request }: Request,
): Write[] {
  const { bootId, use } = inUse ? request : { bootId: undefined, use: undefined };
  if (attachment.inUse === inUse && attachment.bootId === bootId && attachment.use === use) return [];
  const first = inUse && record.used === undefined && record.volume.storage?.kind === 'efs';
  return [
    ...changeAttachment(attachment, { ...attachment, inUse, bootId, use }),
    ...(first ? [put('used', { volumeId: attachment.volumeId, at: clock().toISOString() })] : []),
  ];
}
