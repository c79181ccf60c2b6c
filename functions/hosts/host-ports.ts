import type { HostQueues } from '#shared/aws/host-queues.ts';
import type { HostRecord, VolumeRecord } from '#shared/aws/table/records.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { AttachmentItem } from '#shared/model/items.ts';
import { HostId } from '#shared/model/names.ts';
import { isSingleWriter } from '#shared/model/rules-use.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import type { Ports } from '#functions/volumes/ports.ts';

/** What the use cases of hosts need besides. */
export interface HostPorts extends Ports {
  readonly queues: Pick<HostQueues, 'ensure'>;
  readonly newUuid: () => string;
  readonly hostSettings: {
    /** Unique id (AROA…) of the one role that hosts assume. */
    readonly roleId: string;
    readonly pollSeconds: number;
  };
}

/**
 * The host that calls. EC2 alone may assume the role, and names the session after the instance: nothing else is a host's identity.
 * @throws ProductError AccessDenied for anybody else.
 */
export function hostOf({ hostSettings }: HostPorts, caller: Caller): string {
  const [roleId, session, ...rest] = caller.userId.split(':');
  const host = HostId.safeParse(session);
  const ours = roleId === hostSettings.roleId; // guard: host-identity off: const ours = roleId !== undefined;
  if (ours && rest.length === 0 && host.success) return host.data;
  throw new ProductError('AccessDenied', 'This call is for hosts only.', {
    value: caller.arn,
    allowed: "an instance with the deployment's host role",
  });
}

/** The caller's own record. @throws ProductError HostNotFound before it has registered. */
export async function ownRecord(ports: HostPorts, caller: Caller): Promise<HostRecord> {
  const hostId = hostOf(ports, caller);
  const record = await ports.table.readHost(hostId);
  if (record !== undefined) return record;
  throw new ProductError('HostNotFound', `${hostId} has not registered.`, {
    value: hostId,
    hint: 'Register first.',
  });
}

/** The caller's own record, when it speaks for the boot that registered last. @throws ProductError StaleEpoch */
export async function bootedRecord(ports: HostPorts, caller: Caller, bootId: string): Promise<HostRecord> {
  const record = await ownRecord(ports, caller);
  if (record.host.bootId === bootId) return record;
  throw new ProductError('StaleEpoch', `${record.host.id} has registered another boot.`, {
    value: bootId,
    allowed: record.host.bootId,
    hint: 'Register again.',
  });
}

/** A volume that the host has. */
export interface Held {
  readonly record: VolumeRecord;
  readonly attachment: AttachmentItem;
}

/**
 * The host's own attachment under its epoch.
 * @throws ProductError StaleEpoch when the volume is not this host's, or not under this epoch any more.
 */
export async function heldVolume(
  { table }: HostPorts,
  { host }: HostRecord,
  { volumeId, epoch }: { readonly volumeId: string; readonly epoch: number },
): Promise<Held> {
  const record = await table.readVolume(volumeId);
  const attachment = record?.attachments.find(({ hostId }) => hostId === host.id);
  if (record === undefined || attachment === undefined) {
    throw new ProductError('StaleEpoch', `The volume is not attached to ${host.id}.`, {
      value: volumeId,
      about: { host: host.id, volumeId },
    });
  }
  const current = currentEpoch(record, attachment);
  if (current === epoch) return { record, attachment }; // guard: lease-epoch off: return { record, attachment };
  throw new ProductError(
    'StaleEpoch',
    `${host.id} does not hold "${record.volume.name}" under epoch ${epoch}.`,
    {
      value: epoch,
      allowed: String(current ?? 'none'),
      about: { host: host.id, volumeId },
      hint: 'Stop writing, and sync.',
    },
  );
}

/** The epoch under which the host may act; undefined when the lease has moved on. */
function currentEpoch({ volume, lease }: VolumeRecord, attachment: AttachmentItem): number | undefined {
  if (!isSingleWriter(volume.driver)) return attachment.epoch;
  const mine = lease?.holder === attachment.hostId && lease.epoch === attachment.epoch;
  return mine ? attachment.epoch : undefined;
}
