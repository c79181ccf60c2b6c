import type { TaggedThing } from '#shared/aws/leftovers.ts';
import { snapshotOfStorage } from '#shared/model/backup.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { tagKeys } from '#shared/model/tags.ts';
import type { SweepPorts } from './ports.ts';

/**
 * Second snapshots of a backup, which a lost answer made and EC2 showed too late, in whatever Region: its record names another one, or says that
 * it failed, and nobody works on it. CreateSnapshot and CopySnapshot take no client token, so there is no other way. What no record
 * accounts for is left alone (contract 4).
 */
export async function removeDoubles(
  { table, regions, settings, log }: SweepPorts,
  found: readonly TaggedThing[],
): Promise<string[]> {
  const removed: string[] = [];
  for (const { id, tags, region = settings.region } of found) {
    const backup = await table.readBackup(tags[tagKeys.backup] ?? '');
    if (backup === undefined || !isDouble(backup, id)) continue; // guard: double-by-record off: if (backup === undefined) continue;
    log.warn('removing a second snapshot', { id, region, backup: backup.id });
    await regions.in(region).deleteSnapshot(id);
    removed.push(id);
  }
  return removed;
}

function isDouble({ state, storage, operation }: BackupItem, id: string): boolean {
  if (operation !== undefined) return false;
  if (storage === undefined) return state === 'failed';
  return snapshotOfStorage(storage) !== id;
}
