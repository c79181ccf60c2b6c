import { forget } from '#shared/aws/table/volume-writes.ts';
import { replace, type Write } from '#shared/aws/table/writes.ts';
import type { ErrorCode } from '#shared/model/errors.ts';
import type { BackupItem } from '#shared/model/items.ts';
import {
  attachmentTo,
  changeVolume,
  endAttachments,
  fail,
  freeLease,
  goOn,
  succeed,
  type Change,
} from '../change.ts';
import type { EbsFacts } from '../planner-ebs-steps.ts';
import type { EbsExecutors } from './executors.ts';

/** The way of a scratch volume to its host and out again. All are the table's alone. */
export const scratchExecutors: Pick<EbsExecutors, 'scratchAttached' | 'retire'> = {
  scratchAttached: {
    kind: 'record',
    change: (facts, { device }) => {
      const { host = '' } = facts.operation;
      return goOn([
        changeVolume(facts, { state: 'attached', hosts: [host], reason: undefined }),
        ...attachmentTo(facts, host, { actual: 'attached', device }),
      ]);
    },
  },
  retire: {
    kind: 'record',
    change: (facts, { to }) => {
      const next = { state: to, deletedAt: deletedAt(facts, to) };
      if (to !== 'available' && to !== 'failed') return goOn([changeVolume(facts, next)]);
      const free = [...freeLease(facts, true), ...endAttachments(facts, () => true)];
      return goOn([changeVolume(facts, { ...next, hosts: [] }), ...free]);
    },
  },
};

function deletedAt({ record, now }: EbsFacts, to: string): string | undefined {
  return to === 'deleted' ? now.toISOString() : record.volume.deletedAt;
}

/** Nothing is left of the scratch volume: the operation ends as it was noted, and needs the backup no more. */
export function finishScratch(facts: EbsFacts): Change {
  const { operation, record, scratch } = facts;
  const users = (scratch?.backup?.users ?? []).filter((user) => user !== operation.id);
  const writes = [...forget(record), ...changeBackup(facts, { users })];
  const { error } = operation;
  if (error === undefined) return succeed(facts, writes);
  const { detail, hint } = error;
  // What is recorded in an operation was one of our codes when it was written.
  const code = error.code as ErrorCode;
  return fail(facts, { code, detail, ...(hint === undefined ? {} : { hint }) }, writes);
}

export function changeBackup({ scratch, now }: EbsFacts, patch: Partial<BackupItem>): Write[] {
  if (scratch?.backup === undefined) return [];
  const { backup } = scratch;
  return [replace('backup', backup, { ...backup, ...patch, updatedAt: now.toISOString() })];
}
