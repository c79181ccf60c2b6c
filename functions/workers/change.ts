import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { changeAttachment, detachFrom } from '#shared/aws/table/volume-writes.ts';
import { discard, replace, type Write } from '#shared/aws/table/writes.ts';
import type { AttachmentItem, LeaseItem, OperationItem, VolumeItem } from '#shared/model/items.ts';
import type { Failure } from './planner.ts';

/** What a step changes once its effect is done: one transaction, with the end of its claim. */
export interface Change {
  readonly writes: readonly Write[];
  /** Of the operation, beside its trail, message and progress. */
  readonly operation?: Partial<OperationItem>;
  readonly outcome: 'continue' | 'wait' | 'done' | 'failed';
  readonly waitSeconds?: number;
  /** The effect did not take place: no mark in the trail. */
  readonly unmarked?: boolean;
  /** Hosts that have something new to do. */
  readonly wake?: readonly string[];
}

/** What changes are made from, as of one moment. */
export interface ChangeFacts {
  readonly operation: OperationItem;
  readonly record: VolumeRecord;
  readonly now: Date;
}

export const goOn = (writes: readonly Write[] = [], operation: Partial<OperationItem> = {}): Change => ({
  writes,
  operation,
  outcome: 'continue',
});

/** Looks again after so many seconds. */
export const look = (waitSeconds: number, writes: readonly Write[] = []): Change => ({
  writes,
  outcome: 'wait',
  waitSeconds,
});

export function succeed({ now }: ChangeFacts, writes: readonly Write[]): Change {
  const operation = { status: 'succeeded', progress: 100, finishedAt: now.toISOString() } as const;
  return { writes, operation, outcome: 'done' };
}

export function fail({ now }: ChangeFacts, failure: Failure, writes: readonly Write[]): Change {
  const { code, detail, hint } = failure;
  const error = { code, detail, ...(hint === undefined ? {} : { hint }) };
  return { writes, operation: { status: 'failed', error, finishedAt: now.toISOString() }, outcome: 'failed' };
}

/** The volume with what changes; the write raises its revision and keeps to the table of states. */
export function volumeTo({ record, now }: ChangeFacts, patch: Partial<VolumeItem>): VolumeItem {
  return { ...record.volume, ...patch, updatedAt: now.toISOString() };
}

export function changeVolume(facts: ChangeFacts, patch: Partial<VolumeItem>): Write {
  return replace('volume', facts.record.volume, volumeTo(facts, patch));
}

export function changeLease({ record, now }: ChangeFacts, patch: Partial<LeaseItem>): Write[] {
  const { lease } = record;
  if (lease === undefined) return [];
  return [replace('lease', lease, { ...lease, ...patch, updatedAt: now.toISOString() })];
}

/** The lease without a holder. Its epoch only grows: `raise` makes every earlier assignment stale. */
export function freeLease(facts: ChangeFacts, raise: boolean): Write[] {
  const epoch = (facts.record.lease?.epoch ?? 0) + (raise ? 1 : 0);
  return changeLease(facts, { holder: undefined, bootId: undefined, inUse: false, epoch });
}

/** The end of the volume's attachments that are meant, with their claimed device names. */
export function endAttachments({ record }: ChangeFacts, meant: (item: AttachmentItem) => boolean): Write[] {
  return record.attachments.filter(meant).flatMap((item) => [...detachFrom(item), ...freeDevice(item)]);
}

export function freeDevice({ hostId, volumeId, device, since }: AttachmentItem): Write[] {
  return device === undefined ? [] : [discard('device', { hostId, device, volumeId, at: since })];
}

export function attachmentTo(
  { record }: ChangeFacts,
  hostId: string,
  patch: Partial<AttachmentItem>,
): Write[] {
  const was = record.attachments.find((item) => item.hostId === hostId);
  return was === undefined ? [] : changeAttachment(was, { ...was, ...patch });
}
