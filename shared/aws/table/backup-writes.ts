import type { BackingItem, BackupItem, LeaseItem, TaskItem, VolumeItem } from '#shared/model/items.ts';
import { create, discard, put, remove, replace, type Write } from './writes.ts';

/** Writes of backups that belong together. Each returns the parts of one transaction. */

function indexOf({ namespace, volumeId, id }: BackupItem) {
  return { namespace, volumeId, backupId: id };
}

/** A backup with its entries in the lists of its namespace and its volume. */
export function createBackup(backup: BackupItem): Write[] {
  return [
    create('backup', backup),
    put('backupIndex', indexOf(backup)),
    put('volumeBackup', indexOf(backup)),
  ];
}

/** The end of a backup's record: what it stood for is removed. */
export function forgetBackup(backup: BackupItem): Write[] {
  return [
    remove('backup', backup),
    discard('backupIndex', indexOf(backup)),
    discard('volumeBackup', indexOf(backup)),
  ];
}

/** One backup of a volume at a time: loses on `backing` when there is another one. */
export function claimBacking(item: BackingItem): Write {
  return create('backing', item);
}

/** A drill's scratch volume: under no name and no label, so that no listing has it. */
export function createScratch(volume: VolumeItem, lease: LeaseItem | undefined): Write[] {
  return [create('volume', volume), ...(lease === undefined ? [] : [create('lease', lease)])];
}

/** Asks a host to do something for an operation. */
export function askTask(item: TaskItem): Write[] {
  return [put('task', item), put('hostTask', item)];
}

/** The host has answered: its part goes, the operation's part says how it ended. */
export function answerTask(was: TaskItem, result: TaskItem['result']): Write[] {
  return [replace('task', was, { ...was, result }), discard('hostTask', was)];
}
