import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { changeAttachment } from '#shared/aws/table/volume-writes.ts';
import { replace, type Write } from '#shared/aws/table/writes.ts';
import type { AttachmentItem } from '#shared/model/items.ts';
import { raiseEpoch } from '#shared/model/rules-use.ts';

/** How long an operation with force waits for the hand-back, in milliseconds. */
const patience = 10 * 60_000;

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
