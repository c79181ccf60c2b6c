import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { changeAttachment, detachFrom } from '#shared/aws/table/volume-writes.ts';
import { replace, type Write } from '#shared/aws/table/writes.ts';
import type { AttachmentItem } from '#shared/model/items.ts';
import { ProductError } from '#shared/model/errors.ts';
import { isInUse, raiseEpoch } from '#shared/model/rules-use.ts';
import type { Ports } from './ports.ts';

/** How long an operation with force waits for the hand-back, in milliseconds. */
const patience = 10 * 60_000;

/** Each attachment is two writes; a transaction takes 100, of which labels may need 40. */
const attachmentsAtOnce = 20;

/** Until when a volume that is asked back now is waited for. */
export function handedBackBy(now: Date): string {
  return new Date(now.getTime() + patience).toISOString();
}

/** Hosts are asked to hand it back; of a single writer that nobody uses the lease is taken at once. */
export function handBack(record: VolumeRecord, { waits, now }: { waits: boolean; now: string }): Write[] {
  const asked = record.attachments.flatMap((attachment: AttachmentItem) =>
    attachment.desired === 'detached'
      ? []
      : changeAttachment(attachment, { ...attachment, desired: 'detached' }),
  );
  if (waits || record.lease === undefined || record.attachments.length === 0) return asked;
  return [...asked, replace('lease', record.lease, raiseEpoch(record.lease, now))];
}

/** Takes idle attachments away in lots while there are more than one transaction takes. */
export async function shedIdle(ports: Ports, record: VolumeRecord): Promise<VolumeRecord> {
  const { volume, attachments } = record;
  if (attachments.length <= attachmentsAtOnce) return record;
  const idle = attachments.filter((attachment) => !isInUse(record, attachment)).slice(0, attachmentsAtOnce);
  if (idle.length === 0) {
    throw new ProductError('LimitExceeded', `"${volume.name}" is in use on ${attachments.length} hosts.`, {
      allowed: `up to ${attachmentsAtOnce} at once with force`,
      hint: 'Stop its containers on some of them first.',
    });
  }
  const gone = new Set(idle.map(({ hostId }) => hostId));
  const hosts = volume.hosts.filter((host) => !gone.has(host));
  const next = { ...volume, hosts, updatedAt: ports.clock().toISOString() };
  await ports.table.transact([replace('volume', volume, next), ...idle.flatMap((item) => detachFrom(item))]);
  const again = await ports.table.readVolume(volume.id);
  return again === undefined ? record : shedIdle(ports, again);
}
