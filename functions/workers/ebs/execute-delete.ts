import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import { bury, forget } from '#shared/aws/table/volume-writes.ts';
import { tagKeys } from '#shared/model/tags.ts';
import type { Write } from '#shared/aws/table/writes.ts';
import { changeVolume, fail, freeDevice, goOn, look, succeed, volumeTo } from '../change.ts';
import type { EbsFacts } from '../planner-ebs-steps.ts';
import { productTags } from '../product-tags.ts';
import type { EbsExecutors } from './executors.ts';

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
        const tags = { ...productTags(volume), [tagKeys.operation]: operation.id };
        const description = `Final backup of ${volume.namespace}/${volume.name}`;
        const { id } = await storage.createSnapshot({ volumeId: ebsId, description, tags });
        return (facts) => look(1, [changeVolume(facts, { finalBackup: id })]);
      },
    },
    confirmSnapshot: {
      kind: 'record',
      change: (facts, { snapshotId }) => goOn([changeVolume(facts, { finalBackup: snapshotId })]),
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
        if (failure === undefined) return succeed(facts, [changeVolume(facts, { operation: undefined })]);
        const reason = `No final backup: ${failure.detail}`;
        return fail(facts, failure, [changeVolume(facts, { operation: undefined, reason })]);
      },
    },
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
      change: (facts, { keep }) => succeed(facts, keep ? keepRecord(facts) : gone(facts)),
    },
  };
}

function tombstone(facts: EbsFacts, purgeAt: string): Write[] {
  const { record, now } = facts;
  const deletedAt = now.toISOString();
  // A backup from a delete that was undone: `--purge` removes it, else the one that is made now takes its place.
  const { purge, finalBackup } = record.volume;
  const kept = { finalBackup: purge ? finalBackup : undefined };
  const next = volumeTo(facts, { state: 'deleted', deletedAt, purgeAt, hosts: [], ...kept });
  return [...bury(record, next), ...record.attachments.flatMap(freeDevice)];
}

/** The record stays, for its final backup. */
function keepRecord(facts: EbsFacts): Write[] {
  return [changeVolume(facts, { state: 'purged', storage: undefined, operation: undefined })];
}

function gone({ record }: EbsFacts): Write[] {
  return forget(record);
}
