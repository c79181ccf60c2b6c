import { snapshotOfStorage } from '#shared/model/backup.ts';
import type { BackupItem, OperationItem, VolumeItem } from '#shared/model/items.ts';
import { tagKeys } from '#shared/model/tags.ts';
import { ageOf, done, minutes } from '../planner.ts';
import { backupTag, productTags } from '../product-tags.ts';
import { fail, planComplete, planGivenUp } from './planner-snapshot.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

/** A copy takes hours where much has changed: from then on it is looked at once a minute. */
const longAfter = minutes(5);

/** Bytes that S3 copies well within the time of one step: of some five million files. The copy of one with more has none. */
const largestCopied = 256 * 2 ** 20;

/** One copy of a snapshot in another Region: begun once, looked after until it is complete. */
export function planCopy(facts: BackupFacts, backup: BackupItem): BackupStep {
  const snapshotId = snapshotOfStorage(backup.storage);
  if (snapshotId === undefined) return planGivenUp(facts) ?? planBegin(facts, backup);
  const step = planComplete(facts, snapshotId);
  if (step.kind === 'finishBackup') return planManifest(facts, backup) ?? step;
  if (step.kind !== 'wait') return step;
  const kept = facts.snapshots.find(({ id }) => id === snapshotId);
  const message = kept === undefined ? step.message : `Copying to ${backup.region}: ${kept.progress} %`;
  return ageOf(facts.operation, facts.now) > longAfter
    ? { ...step, message, seconds: 60 }
    : { ...step, message };
}

/** What the volume held is known of the copy too, so that a drill of it, copied back, compares files. */
function planManifest({ source, operation }: BackupFacts, backup: BackupItem): BackupStep | undefined {
  const { id: from, manifest } = source ?? {};
  if (from === undefined || manifest === undefined || backup.manifest !== undefined) return undefined;
  if (manifest.bytes > largestCopied || done(operation, 'copyManifest')) return undefined;
  return { kind: 'copyManifest', from, manifest, message: 'Copying the manifest', progress: 95 };
}

function planBegin(facts: BackupFacts, backup: BackupItem): BackupStep {
  const { source, snapshots, operation, record } = facts;
  if (source?.storage?.kind !== 'snapshot' || source.state !== 'available')
    return fail(facts, { code: 'BackupNotFound', detail: `${backup.copyOf ?? 'Its source'} is gone.` });
  const { snapshotId, sizeGiB } = source.storage;
  const [oldest] = snapshots;
  if (oldest !== undefined)
    return { kind: 'adoptCopy', snapshot: oldest, sizeGiB, message: 'The copy is begun', progress: 30 }; // guard: copy-looked-for off: if (oldest?.id === '') return { kind: 'adoptCopy', snapshot: oldest, sizeGiB, message: '', progress: 0 };
  return {
    kind: 'copySnapshot',
    wanted: {
      from: { region: source.region, snapshotId },
      description: `Copy of ${source.id} of ${backup.namespace}/${backup.volume}`,
      tags: tagsOf(record.volume, operation),
    },
    sizeGiB,
    message: `Copying from ${source.region} to ${backup.region}`,
    progress: 20,
  };
}

function tagsOf(volume: VolumeItem, operation: OperationItem): Record<string, string> {
  return { ...productTags(volume), [tagKeys.operation]: operation.id, ...backupTag(operation) };
}
