import { snapshotOfStorage } from '#shared/model/backup.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { done } from '../planner.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

/** Removes a backup in AWS, then its record. What EC2 does not know any more is removed. */
export function planRemoval(
  { operation, record, snapshots, others }: BackupFacts,
  backup: BackupItem,
): BackupStep {
  // First, while the backup can still be kept as it was. One that nobody wrote down is the sweep's.
  if (backup.manifest !== undefined)
    return { kind: 'removeManifest', message: 'Removing the manifest', progress: 20 };
  const recorded = [snapshotOfStorage(backup.storage)].filter((id) => id !== undefined);
  const ids = [...new Set([...recorded, ...snapshots.map(({ id }) => id)])];
  const next = ids.find((id) => !done(operation, `deleteSnapshot:${id}`));
  if (next !== undefined) {
    const mark = `deleteSnapshot:${next}`;
    return { kind: 'deleteSnapshot', mark, snapshotId: next, message: 'Removing the snapshot', progress: 50 };
  }
  const lastOfVolume = record.volume.state === 'purged' && !others;
  return { kind: 'forgetBackup', lastOfVolume, message: 'The backup is removed', progress: 100 };
}
