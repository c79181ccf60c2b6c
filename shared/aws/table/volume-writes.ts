import type {
  AttachmentItem,
  LabelItem,
  LeaseItem,
  OperationItem,
  PurgeItem,
  UsedItem,
  VolumeItem,
} from '#shared/model/items.ts';
import type { Labels } from '#shared/model/labels.ts';
import type { VolumeRecord } from './records.ts';
import { create, discard, put, remove, replace, type Write } from './writes.ts';

/** Writes that belong together. Each returns the parts of one transaction. */

type Named = Pick<VolumeItem, 'id' | 'namespace' | 'name' | 'labels'>;

function nameOf({ id, namespace, name }: Named): { namespace: string; name: string; volumeId: string } {
  return { namespace, name, volumeId: id };
}

function labelItems(volume: Named): LabelItem[] {
  return Object.entries(volume.labels).map(([key, value]) => ({ ...nameOf(volume), key, value }));
}

/** A volume with its name claim, label index and lease. Loses on `name` when the name is taken. */
export function createVolume(volume: VolumeItem, lease: LeaseItem | undefined): Write[] {
  return [
    create('name', nameOf(volume)), // guard: name-claimed off: put('name', nameOf(volume)),
    create('volume', volume),
    ...(lease === undefined ? [] : [create('lease', lease)]),
    ...labelItems(volume).map((item) => put('label', item)),
  ];
}

/** The label index after an update: what went is discarded, what came is put. Goes with the volume's own replace. */
export function relabel(volume: VolumeItem, labels: Labels): Write[] {
  const went = labelItems(volume).filter(({ key, value }) => labels[key] !== value);
  const came = labelItems({ ...volume, labels }).filter(({ key, value }) => volume.labels[key] !== value);
  return [...went.map((item) => discard('label', item)), ...came.map((item) => put('label', item))];
}

/**
 * The tombstone: `next` is the volume as `deleted` with deletedAt and purgeAt; the name is free, labels are no longer listed.
 * With whatever attachments are left removed.
 */
export function bury({ volume, attachments }: VolumeRecord, next: VolumeItem): Write[] {
  return [
    replace('volume', volume, next),
    remove('name', nameOf(volume)),
    create('tombstone', { ...nameOf(volume), deletedAt: next.deletedAt ?? next.updatedAt }),
    ...labelItems(volume).map((item) => discard('label', item)),
    ...attachments.flatMap((item) => detachFrom(item)),
  ];
}

/** A record that begins as a tombstone: the directory that another volume had, and whether it was ever mounted. */
export function buried(volume: VolumeItem, used: UsedItem | undefined): Write[] {
  return [
    create('volume', volume),
    create('tombstone', { ...nameOf(volume), deletedAt: volume.deletedAt ?? volume.updatedAt }),
    ...(used === undefined ? [] : [put('used', { ...used, volumeId: volume.id })]),
  ];
}

/** Undelete: `next` is the volume as it comes back, perhaps under another name. Loses on `name` when that is taken. */
export function unbury(volume: VolumeItem, next: VolumeItem): Write[] {
  return [
    create('name', nameOf(next)),
    replace('volume', volume, next),
    discard('tombstone', { ...nameOf(volume), deletedAt: volume.deletedAt ?? volume.updatedAt }),
    ...labelItems(next).map((item) => put('label', item)),
  ];
}

/** A transaction takes 100 items, and any number of hosts may have reported: the table forgets the others by their age. */
const observationsAtOnce = 80;

/** The end of a volume whose storage is freed: nothing of it stays but its operations and its final backup in AWS. */
export function forget({ volume, lease, observations, purge, used }: VolumeRecord): Write[] {
  return [
    remove('volume', volume),
    discard('tombstone', { ...nameOf(volume), deletedAt: volume.deletedAt ?? volume.updatedAt }),
    ...(lease === undefined ? [] : [discard('lease', lease)]),
    ...(used === undefined ? [] : [discard('used', used)]),
    ...observations.slice(0, observationsAtOnce).map((item) => discard('observation', item)),
    ...(purge === undefined ? [] : [discard('purge', purge), discard('hostPurge', purge)]),
  ];
}

/** A new operation with its entry in the namespace's listing. */
export function startOperation(operation: OperationItem): Write[] {
  const { namespace, id, createdAt } = operation;
  return [create('operation', operation), put('operationIndex', { namespace, operationId: id, createdAt })];
}

/** A new attachment, in the host's partition and in the volume's. Loses on `attachment` when there is one. */
export function attachTo(item: AttachmentItem): Write[] {
  return [create('attachment', item), create('attachmentTwin', item)];
}

/** A change of an attachment, in both places. */
export function changeAttachment(was: AttachmentItem, next: AttachmentItem): Write[] {
  return [replace('attachment', was, next), replace('attachmentTwin', was, next)];
}

/** The end of an attachment, in both places, with what the host last said of it. */
export function detachFrom(was: AttachmentItem): Write[] {
  return [remove('attachment', was), remove('attachmentTwin', was)];
}

/** Asks a host to empty a directory (contract 5). */
export function askPurge(item: PurgeItem): Write[] {
  return [put('purge', item), put('hostPurge', item)];
}

/** The host has emptied it: its part goes, the volume's part says so. */
export function answerPurge(was: PurgeItem): Write[] {
  return [replace('purge', was, { ...was, done: true }), discard('hostPurge', was)];
}
