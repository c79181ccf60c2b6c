import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import { createBackup, forgetBackup } from '#shared/aws/table/backup-writes.ts';
import { bury, forget } from '#shared/aws/table/volume-writes.ts';
import { tagKeys } from '#shared/model/tags.ts';
import type { Write } from '#shared/aws/table/writes.ts';
import { changeVolume, fail, freeDevice, goOn, look, succeed, volumeTo } from '../change.ts';
import type { EbsFacts } from '../planner-ebs-steps.ts';
import { backupTag, productTags } from '../product-tags.ts';
import type { EbsExecutors } from './executors.ts';
import { snapshotBackup } from './snapshot-backup.ts';

type Part = Pick<
  EbsExecutors,
  | 'bury'
  | 'createSnapshot'
  | 'confirmSnapshot'
  | 'removeDouble'
  | 'finishDelete'
  | 'startPurge'
  | 'deleteVolume'
  | 'forget'
>;

export function deleteExecutors(storage: BlockStorage): Part {
  return {
    bury: { kind: 'record', change: (facts, { purgeAt }) => goOn(tombstone(facts, purgeAt)) },
    createSnapshot: {
      kind: 'effect',
      perform: async ({ ebsId }, { operation, record }) => {
        const { volume } = record;
        const backup = operation.guard ?? operation.backup;
        const tags = { ...productTags(volume), [tagKeys.operation]: operation.id, ...backupTag({ backup }) };
        const kind = operation.guard === undefined ? 'Final backup' : 'Backup before a restore';
        const description = `${kind} of ${volume.namespace}/${volume.name}`;
        const { id } = await storage.createSnapshot({ volumeId: ebsId, description, tags });
        return (facts) => look(1, [changeVolume(facts, { finalSnapshot: id })]);
      },
    },
    confirmSnapshot: {
      kind: 'record',
      change: (facts, { snapshotId }) => goOn([changeVolume(facts, { finalSnapshot: snapshotId })]),
    },
    removeDouble: {
      kind: 'effect',
      perform: async ({ snapshotId }) => {
        await storage.deleteSnapshot(snapshotId);
        return () => look(1);
      },
    },
    finishDelete: {
      kind: 'record',
      change: (facts, { failure }) => {
        if (failure === undefined) return succeed(facts, keepFinal(facts));
        const reason = `No final backup: ${failure.detail}`;
        return fail(facts, failure, [
          changeVolume(facts, { operation: undefined, finalSnapshot: undefined, reason }),
        ]);
      },
    },
    ...purgeExecutors(storage),
  };
}

function purgeExecutors(storage: BlockStorage): Pick<Part, 'startPurge' | 'deleteVolume' | 'forget'> {
  return {
    startPurge: { kind: 'record', change: (facts) => goOn([changeVolume(facts, { state: 'purging' })]) },
    deleteVolume: {
      kind: 'effect',
      perform: async ({ ebsId }) => {
        // Attached, or still being made: no mark is left, and it is tried again.
        if ((await storage.deleteVolume(ebsId)) === 'in-use') return () => ({ ...look(15), unmarked: true });
        return () => goOn();
      },
    },
    forget: {
      kind: 'record',
      change: (facts, { keep, removed }) => {
        const end = keep ? keepRecord(facts) : forget(facts.record);
        return succeed(facts, [...end, ...removed.flatMap(forgetBackup)]);
      },
    },
  };
}

function tombstone(facts: EbsFacts, purgeAt: string): Write[] {
  const { record, now } = facts;
  const deletedAt = now.toISOString();
  const next = volumeTo(facts, { state: 'deleted', deletedAt, purgeAt, hosts: [], finalSnapshot: undefined });
  return [...bury(record, next), ...record.attachments.flatMap(freeDevice)];
}

/** The snapshot of the delete is a backup from now on. */
function keepFinal(facts: EbsFacts): Write[] {
  const { operation, record } = facts;
  const ended = { operation: undefined, finalSnapshot: undefined } as const;
  const description = `Made when ${record.volume.name} was deleted`;
  const backup = snapshotBackup(facts, { id: operation.backup, origin: 'final', description });
  if (backup === undefined) return [changeVolume(facts, ended)];
  return [changeVolume(facts, { ...ended, finalBackup: backup.id }), ...createBackup(backup)];
}

/** The record stays, for its backups. */
function keepRecord(facts: EbsFacts): Write[] {
  return [changeVolume(facts, { state: 'purged', storage: undefined, operation: undefined })];
}
