import type { Snapshot } from '#shared/aws/ec2/block-storage.ts';
import type { RegionSnapshots, SnapshotRegions } from '#shared/aws/ec2/snapshot-regions.ts';
import type { Write } from '#shared/aws/table/writes.ts';
import { look } from '../change.ts';
import type { Executors } from '../executor.ts';
import { changeBackup } from './backup-changes.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

/** The snapshots of the Region that the backup is in. */
export function whereIs(regions: SnapshotRegions, { backup }: BackupFacts): RegionSnapshots {
  return regions.in(backup?.region ?? '');
}

/** The steps that a copy begins with; it goes on as every snapshot does. */
export function copyExecutors(
  regions: SnapshotRegions,
): Pick<Executors<BackupStep, BackupFacts>, 'copySnapshot' | 'adoptCopy'> {
  return {
    copySnapshot: {
      kind: 'effect',
      perform: async ({ wanted, sizeGiB }, claimed) => {
        const snapshot = await whereIs(regions, claimed).copySnapshot(wanted);
        return (facts) => look(1, begun(facts, snapshot, sizeGiB));
      },
    },
    adoptCopy: {
      kind: 'record',
      change: (facts, { snapshot, sizeGiB }) => look(1, begun(facts, snapshot, sizeGiB)),
    },
  };
}

function begun(facts: BackupFacts, { id: snapshotId }: Snapshot, sizeGiB: number): Write[] {
  return changeBackup(facts, { storage: { kind: 'snapshot', snapshotId, sizeGiB } });
}
