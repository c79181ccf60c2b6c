import type { ManifestObjects } from '#shared/aws/archive/manifest-objects.ts';
import type { Snapshot } from '#shared/aws/ec2/block-storage.ts';
import type { RegionSnapshots, SnapshotRegions } from '#shared/aws/ec2/snapshot-regions.ts';
import type { Write } from '#shared/aws/table/writes.ts';
import { errorCodes, isProductError } from '#shared/model/errors.ts';
import { goOn, look } from '../change.ts';
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
  manifests: Pick<ManifestObjects, 'copy'>,
): Pick<Executors<BackupStep, BackupFacts>, 'copySnapshot' | 'adoptCopy' | 'copyManifest'> {
  return {
    copyManifest: {
      kind: 'effect',
      perform: async ({ from, manifest }, { backup }) => {
        const copied = backup !== undefined && (await isCopied(manifests, from, backup.id));
        return (facts) => goOn(copied ? changeBackup(facts, { manifest }) : []);
      },
    },
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

/** A copy that S3 refuses a manifest for is a good copy without one. */
async function isCopied(
  manifests: Pick<ManifestObjects, 'copy'>,
  from: string,
  to: string,
): Promise<boolean> {
  try {
    return await manifests.copy(from, to);
  } catch (error) {
    if (isProductError(error) && !errorCodes[error.code].retryable) return false;
    throw error;
  }
}

function begun(facts: BackupFacts, { id: snapshotId }: Snapshot, sizeGiB: number): Write[] {
  return changeBackup(facts, { storage: { kind: 'snapshot', snapshotId, sizeGiB } });
}
