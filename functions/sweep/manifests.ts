import { keys } from '#shared/aws/table/keys.ts';
import type { SweepPorts } from './ports.ts';

/** A URL that a manifest may be written with is good for so long; until then one may still come. */
const grace = 15 * 60_000;

/**
 * Manifests whose backup has no record any more: written after it was removed, or never noted on it. Nothing reads them.
 * Listed once an hour; undefined: not in this sweep.
 */
export async function removeManifests({
  table,
  manifests,
  clock,
  log,
}: SweepPorts): Promise<string[] | undefined> {
  const now = clock();
  if (now.getUTCMinutes() !== 0) return undefined;
  const removed: string[] = [];
  for await (const page of manifests.list()) {
    const old = page.filter(({ writtenAt }) => now.getTime() - writtenAt.getTime() > grace);
    const records = await table.readMany(
      'backup',
      old.map(({ backupId }) => keys.backup(backupId)),
    );
    const known = new Set(records.map(({ id }) => id));
    for (const { backupId } of old) {
      if (known.has(backupId)) continue; // guard: manifest-of-record off: if (backupId === '') continue;
      log.info('removing a manifest without a backup', { backup: backupId });
      await manifests.remove(backupId);
      removed.push(backupId);
    }
  }
  return removed;
}
