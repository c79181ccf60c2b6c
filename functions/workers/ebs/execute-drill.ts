import { askTask } from '#shared/aws/table/backup-writes.ts';
import { forget } from '#shared/aws/table/volume-writes.ts';
import { discard, replace, type Write } from '#shared/aws/table/writes.ts';
import type { ErrorCode } from '#shared/model/errors.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { newDrill, type DrillFinding } from '#shared/model/rules-drill.ts';
import {
  attachmentTo,
  changeVolume,
  endAttachments,
  fail,
  freeLease,
  goOn,
  look,
  succeed,
  type Change,
} from '../change.ts';
import type { EbsFacts } from '../planner-ebs-steps.ts';
import type { EbsExecutors } from './executors.ts';

type Part = Pick<EbsExecutors, 'scratchAttached' | 'askVerify' | 'recordDrill' | 'retire' | 'finishDrill'>;

/** The steps that only a drill has. All are the table's alone. */
export const drillExecutors: Part = {
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
  askVerify: {
    kind: 'record',
    change: (_, { task }) => ({ ...look(2, askTask(task)), wake: [task.hostId] }),
  },
  recordDrill: { kind: 'record', change: (facts, { finding }) => recordDrill(facts, finding) },
  retire: {
    kind: 'record',
    change: (facts, { to }) => {
      const next = { state: to, deletedAt: deletedAt(facts, to) };
      if (to !== 'available' && to !== 'failed') return goOn([changeVolume(facts, next)]);
      const free = [...freeLease(facts, true), ...endAttachments(facts, () => true)];
      return goOn([changeVolume(facts, { ...next, hosts: [] }), ...free]);
    },
  },
  finishDrill: { kind: 'record', change: finish },
};

function deletedAt({ record, now }: EbsFacts, to: string): string | undefined {
  return to === 'deleted' ? now.toISOString() : record.volume.deletedAt;
}

/** Written down before the scratch volume goes; that it has failed is kept for the operation's end. */
function recordDrill(facts: EbsFacts, finding: DrillFinding): Change {
  const { operation, drill, now } = facts;
  const { task } = drill ?? {};
  const record = newDrill(operation, finding, { now, askedAt: task?.at });
  const { outcome, detail } = finding;
  const error =
    outcome === 'passed'
      ? {}
      : { error: { code: outcome === 'overdue' ? 'TimedOut' : 'DrillFailed', detail } };
  const asked = task === undefined ? [] : [discard('hostTask', task)];
  const { at, restoreSeconds = record.seconds } = record;
  const verified = outcome === 'passed' ? { verified: { at, restoreSeconds } } : {};
  return goOn([...changeBackup(facts, { drill: record, ...verified }), ...asked], error);
}

function finish(facts: EbsFacts): Change {
  const { operation, record, drill } = facts;
  const users = (drill?.backup?.users ?? []).filter((user) => user !== operation.id);
  const writes = [...forget(record), ...changeBackup(facts, { users })];
  const { error } = operation;
  if (error === undefined) return succeed(facts, writes);
  // What is recorded in an operation was one of our codes when it was written.
  return fail(facts, { code: error.code as ErrorCode, detail: error.detail }, writes);
}

function changeBackup({ drill, now }: EbsFacts, patch: Partial<BackupItem>): Write[] {
  if (drill?.backup === undefined) return [];
  const { backup } = drill;
  return [replace('backup', backup, { ...backup, ...patch, updatedAt: now.toISOString() })];
}
