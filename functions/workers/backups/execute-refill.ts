import { replace, type Write } from '#shared/aws/table/writes.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { changeVolume, fail, goOn, succeed } from '../change.ts';
import type { Executors } from '../executor.ts';
import { endBacking } from './backup-changes.ts';
import { ask, endTask, leaveBackup } from './execute-archive.ts';
import type { RefillSteps } from './planner-refill.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

type RefillExecutors = Pick<Executors<BackupStep, BackupFacts>, keyof RefillSteps>;

/** The steps of a restore of files in place. All are the table's alone: the host does the work. */
export const refillExecutors: RefillExecutors = {
  askGuard: { kind: 'record', change: ask },
  keepGuard: {
    kind: 'record',
    change: (facts, { storage, cutAt }) => {
      const completedAt = facts.now.toISOString();
      const kept = { state: 'available', operation: undefined, storage, cutAt, completedAt } as const;
      return goOn([...changeGuard(facts, kept), ...endBacking(facts)]);
    },
  },
  finishRefill: {
    kind: 'record',
    change: (facts) => ({
      ...succeed(facts, [changeVolume(facts, { filling: undefined }), ...letGo(facts), ...endTask(facts)]),
      wake: hostsOf(facts),
    }),
  },
  failRefill: {
    kind: 'record',
    change: (facts, { failure, asBefore }) => {
      const mine = facts.record.volume.filling === facts.operation.id;
      const free = asBefore && mine ? [changeVolume(facts, { filling: undefined })] : [];
      return {
        ...fail(facts, failure, [...free, ...letGo(facts, failure.detail), ...endBacking(facts)]),
        wake: hostsOf(facts),
      };
    },
  },
};

const hostsOf = ({ record }: BackupFacts): string[] => record.attachments.map(({ hostId }) => hostId);

/** Neither backup is needed by the operation any more; a guard that was not made is a failed backup. */
function letGo(facts: BackupFacts, reason?: string): Write[] {
  const { guard, operation } = facts;
  const unmade =
    guard?.state === 'creating' ? ({ state: 'failed', operation: undefined, reason } as const) : {};
  const users = (guard?.users ?? []).filter((user) => user !== operation.id);
  return [...leaveBackup(facts), ...changeGuard(facts, { ...unmade, users })];
}

function changeGuard({ guard, now }: BackupFacts, patch: Partial<BackupItem>): Write[] {
  if (guard === undefined) return [];
  return [replace('backup', guard, { ...guard, ...patch, updatedAt: now.toISOString() })];
}
