import type { TaggedThing } from '#shared/aws/leftovers.ts';
import { snapshotOfStorage } from '#shared/model/backup.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { tagKeys } from '#shared/model/tags.ts';
import type { SweepPorts } from './ports.ts';

/**
 * Second snapshots of a backup, which a lost answer made and EC2 showed too late: its record names another one, or says that
 * it failed, and nobody works on it. CreateSnapshot takes no client token, so there is no other way. What no record
 * accounts for is left alone (contract 4).
 */
export async function removeDoubles(
  { table, snapshots, log }: SweepPorts,
  found: readonly TaggedThing[],
): Promise<string[]> {
  const removed: string[] = [];
  for (const { id, tags } of found) {
    const backup = await table.readBackup(tags[tagKeys.backup] ?? '');
    if (backup === undefined || !isDouble(backup, id)) continue; // guard: double-by-record off: if (backup === undefined) continue;
    log.warn('removing a second snapshot', { id, backup: backup.id });
    await snapshots.deleteSnapshot(id);
    removed.push(id);
  }
  return removed;
}

function isDouble({ state, storage, operation }: BackupItem, id: string): boolean {
  if (operation !== undefined) return false;
  if (storage === undefined) return state === 'failed';
  return snapshotOfStorage(storage) !== id;
}
