import type { TransferObjects } from '#shared/aws/archive/transfer-objects.ts';
import { forgetBackup } from '#shared/aws/table/backup-writes.ts';
import { discard, replace, type Write } from '#shared/aws/table/writes.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { changeVolume, fail, goOn, succeed, type Change } from '../change.ts';
import { removeArchive } from '../transfers/remove-archive.ts';
import type { Executors } from '../executor.ts';
import { endBacking } from './backup-changes.ts';
import { ask, endTask, leaveBackup } from './execute-archive.ts';
import type { RefillSteps } from './planner-refill.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

type RefillExecutors = Pick<Executors<BackupStep, BackupFacts>, keyof RefillSteps>;

/** The steps of a restore of files in place. But for the end of what a caller has sent all are the table's alone: the host does the work. */
export const refillExecutors = (objects: Pick<TransferObjects, 'abort' | 'remove'>): RefillExecutors => ({
  askGuard: { kind: 'record', change: ask },
  keepGuard: {
    kind: 'record',
    change: (facts, { storage, cutAt }) => {
      const completedAt = facts.now.toISOString();
      const kept = { state: 'available', operation: undefined, storage, cutAt, completedAt } as const;
      return goOn([...changeGuard(facts, kept), ...endBacking(facts)]);
    },
  },
  dropGuard: {
    kind: 'record',
    change: (facts) => {
      const { guard } = facts;
      return goOn([...(guard === undefined ? [] : forgetBackup(guard)), ...endBacking(facts)]);
    },
  },
  removeArchive: {
    kind: 'effect',
    perform: async ({ failure: error }, { transfer }) => {
      const removed = await removeArchive(objects, transfer);
      return () => ({ ...removed(), operation: error === undefined ? {} : { error } });
    },
  },
  finishRefill: {
    kind: 'record',
    change: (facts) => {
      const writes = [changeVolume(facts, { filling: undefined }), ...letGo(facts), ...endTask(facts)];
      const { operation, ...end } = succeed(facts, writes);
      // What was given up too early went well.
      return ended(facts, { ...end, operation: { ...operation, error: undefined } });
    },
  },
  failRefill: {
    kind: 'record',
    change: (facts, { failure, asBefore }) => {
      const mine = facts.record.volume.filling === facts.operation.id;
      const free = asBefore && mine ? [changeVolume(facts, { filling: undefined })] : [];
      const writes = [...free, ...letGo(facts, failure.detail), ...endBacking(facts)];
      return ended(facts, fail(facts, failure, writes));
    },
  },
});

/** Uses may begin. An operation names no guard that was not made, as of an empty volume. */
function ended({ record, guard }: BackupFacts, change: Change): Change {
  const wake = record.attachments.map(({ hostId }) => hostId);
  return { ...change, operation: { ...change.operation, guard: guard?.id }, wake };
}

/** The volume takes other archives, and neither backup is needed by the operation any more; a guard that was not made is a failed backup. */
function letGo(facts: BackupFacts, reason?: string): Write[] {
  const { guard, operation, importing } = facts;
  const unmade =
    guard?.state === 'creating' ? ({ state: 'failed', operation: undefined, reason } as const) : {};
  const users = (guard?.users ?? []).filter((user) => user !== operation.id);
  return [
    ...leaveBackup(facts),
    ...changeGuard(facts, { ...unmade, users }),
    ...(importing?.operationId === operation.id ? [discard('importing', importing)] : []),
  ];
}

function changeGuard({ guard, now }: BackupFacts, patch: Partial<BackupItem>): Write[] {
  if (guard === undefined) return [];
  return [replace('backup', guard, { ...guard, ...patch, updatedAt: now.toISOString() })];
}
