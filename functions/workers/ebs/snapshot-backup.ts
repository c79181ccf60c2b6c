import type { BackupOrigin } from '#shared/model/backup.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { newBackup } from '#shared/model/rules-backup.ts';
import type { EbsFacts } from '../planner-ebs-steps.ts';

interface Named {
  readonly id: string | undefined;
  readonly origin: BackupOrigin;
  readonly description: string;
}

/** The backup that the snapshot of the operation under way has become; undefined when it made none. */
export function snapshotBackup(
  { operation, record, now, region, snapshots }: EbsFacts,
  { id, origin, description }: Named,
): BackupItem | undefined {
  const { finalSnapshot: snapshotId, storage } = record.volume;
  if (snapshotId === undefined || id === undefined || storage?.kind !== 'ebs') return undefined;
  const { caller } = operation;
  const cutAt = snapshots.find((snapshot) => snapshot.id === snapshotId)?.startedAt ?? now;
  return {
    ...newBackup(record, { id, origin, cut: { consistency: 'none' }, description, caller, region, now }),
    state: 'available',
    storage: { kind: 'snapshot', snapshotId, sizeGiB: storage.provisionedGiB },
    cutAt: cutAt.toISOString(),
    completedAt: now.toISOString(),
  };
}
