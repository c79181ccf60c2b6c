import type { ManifestObjects } from '#shared/aws/archive/manifest-objects.ts';
import type { RepositoryKeeper } from '#shared/aws/archive/repository-keeper.ts';
import type { TransferObjects } from '#shared/aws/archive/transfer-objects.ts';
import type { RecoveryRegions } from '#shared/aws/backup/recovery-points.ts';
import type { BlockStorage, Snapshot } from '#shared/aws/ec2/block-storage.ts';
import type { SnapshotRegions } from '#shared/aws/ec2/snapshot-regions.ts';
import { askTask, forgetBackup } from '#shared/aws/table/backup-writes.ts';
import { forget } from '#shared/aws/table/volume-writes.ts';
import type { Write } from '#shared/aws/table/writes.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { provisionedGiB } from '#shared/model/size.ts';
import { changeVolume, fail, goOn, look, succeed } from '../change.ts';
import type { Executors } from '../executor.ts';
import { changeBackup, endBacking } from './backup-changes.ts';
import { copyExecutors, whereIs } from './execute-copy.ts';
import { archiveExecutors } from './execute-archive.ts';
import { archiveDrillExecutors } from './execute-archive-drill.ts';
import { recoveryPointExecutors } from './execute-recovery-point.ts';
import { refillExecutors } from './execute-refill.ts';
import { failPoint, leavePoint, reopenPoint } from './point-writes.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

type BackupExecutors = Executors<BackupStep, BackupFacts>;

/** Every step of a backup, over block storage, its snapshots in each Region, recovery points and manifests. */
export function backupExecutors({
  storage,
  regions,
  recovery,
  manifests,
  repositories,
  objects,
}: BackedBy): BackupExecutors {
  return {
    wait: { kind: 'record', change: (_, { seconds }) => look(seconds) },
    stop: { kind: 'record', change: (_, { outcome }) => ({ writes: [], outcome }) },
    abandon: { kind: 'record', change: (facts, { failure }) => fail(facts, failure, endBacking(facts)) },
    ...makers(storage),
    ...clearers(regions),
    ...copyExecutors(regions, manifests),
    ...removers({ regions, manifests }),
    ...recoveryPointExecutors(recovery),
    ...archiveExecutors(repositories),
    ...refillExecutors(objects),
    ...archiveDrillExecutors,
  };
}

interface BackedBy {
  readonly storage: BlockStorage;
  readonly regions: SnapshotRegions;
  readonly recovery: RecoveryRegions;
  readonly manifests: Pick<ManifestObjects, 'remove' | 'copy'>;
  readonly repositories: RepositoryKeeper;
  readonly objects: Pick<TransferObjects, 'abort' | 'remove'>;
}

type Makers = 'askHost' | 'createSnapshot' | 'adoptSnapshot' | 'finishBackup' | 'failBackup';

function makers(storage: BlockStorage): Pick<BackupExecutors, Makers> {
  return {
    askHost: {
      kind: 'record',
      change: (_, { task }) => ({ ...look(2, askTask(task)), wake: [task.hostId] }),
    },
    createSnapshot: {
      kind: 'effect',
      perform: async ({ wanted }) => {
        const snapshot = await storage.createSnapshot(wanted);
        return (facts) => look(1, taken(facts, snapshot));
      },
    },
    adoptSnapshot: { kind: 'record', change: (facts, { snapshot }) => look(1, taken(facts, snapshot)) },
    finishBackup: {
      kind: 'record',
      change: (facts) => {
        const completedAt = facts.now.toISOString();
        const { frozenMs, hookRuns } = facts.task?.result ?? {};
        const done = { state: 'available', operation: undefined, completedAt, frozenMs, hookRuns } as const;
        return succeed(facts, [...changeBackup(facts, done), ...endBacking(facts)]);
      },
    },
    failBackup: {
      kind: 'record',
      change: (facts, { failure }) => {
        const failed = { state: 'failed', operation: undefined, reason: failure.detail } as const;
        return fail(facts, failure, [
          ...changeBackup(facts, failed),
          ...endBacking(facts),
          ...failPoint(facts, failure),
        ]);
      },
    },
  };
}

/** Of a snapshot that is not, or not the one, to stay. */
function clearers(regions: SnapshotRegions): Pick<BackupExecutors, 'discardCut' | 'removeDouble'> {
  return {
    discardCut: {
      kind: 'effect',
      perform: async ({ snapshotId }, claimed) => {
        await whereIs(regions, claimed).deleteSnapshot(snapshotId);
        return (facts) => goOn(changeBackup(facts, withoutCut(facts)));
      },
    },
    removeDouble: {
      kind: 'effect',
      perform: async ({ snapshotId }, facts) => {
        await whereIs(regions, facts).deleteSnapshot(snapshotId);
        return () => look(1);
      },
    },
  };
}

type Removers = 'removeManifest' | 'deleteSnapshot' | 'forgetBackup' | 'restoreBackup';

function removers({
  regions,
  manifests,
}: Pick<BackedBy, 'regions' | 'manifests'>): Pick<BackupExecutors, Removers> {
  return {
    removeManifest: {
      kind: 'effect',
      perform: async (_, { backup }) => {
        if (backup !== undefined) await manifests.remove(backup.id);
        return (facts) => goOn(changeBackup(facts, { manifest: undefined }));
      },
    },
    deleteSnapshot: {
      kind: 'effect',
      perform: async ({ snapshotId }, facts) => {
        await whereIs(regions, facts).deleteSnapshot(snapshotId);
        return () => goOn();
      },
    },
    forgetBackup: {
      kind: 'record',
      change: (facts, { lastOfVolume }) => {
        const { backup, record } = facts;
        const own = [
          ...(backup === undefined ? [] : forgetBackup(backup)),
          ...leavePoint(facts),
          ...endBacking(facts),
        ];
        const { finalBackup } = record.volume;
        if (lastOfVolume) return succeed(facts, [...own, ...forget(record)]);
        const named = backup !== undefined && finalBackup === backup.id;
        return succeed(facts, [...own, ...(named ? [changeVolume(facts, { finalBackup: undefined })] : [])]);
      },
    },
    restoreBackup: {
      kind: 'record',
      change: (facts, { failure }) => {
        const state = facts.backup?.completedAt === undefined ? 'failed' : 'available';
        const kept = { state, operation: undefined, reason: failure.detail } as const;
        return fail(facts, failure, [
          ...changeBackup(facts, kept),
          ...reopenPoint(facts),
          ...endBacking(facts),
        ]);
      },
    },
  };
}

/** What a copy holds is of the moment of what it is made from. */
function withoutCut({ backup }: BackupFacts): Partial<BackupItem> {
  return { storage: undefined, ...(backup?.copyOf === undefined ? { cutAt: undefined } : {}) };
}

function taken(facts: BackupFacts, { id, startedAt }: Snapshot): Write[] {
  const { record, now } = facts;
  const held = record.volume.storage;
  const sizeGiB = held?.kind === 'ebs' ? held.provisionedGiB : provisionedGiB(record.volume.sizeBytes ?? 0);
  return changeBackup(facts, {
    storage: { kind: 'snapshot', snapshotId: id, sizeGiB },
    cutAt: (startedAt ?? now).toISOString(),
  });
}
