import { askTask } from '#shared/aws/table/backup-writes.ts';
import { discard } from '#shared/aws/table/writes.ts';
import { newDrill, type DrillFinding } from '#shared/model/rules-drill.ts';
import { goOn, look, type Change } from '../change.ts';
import type { EbsFacts } from '../planner-ebs-steps.ts';
import { changeBackup, finishScratch } from './execute-scratch.ts';
import type { EbsExecutors } from './executors.ts';

type Part = Pick<EbsExecutors, 'askVerify' | 'recordDrill' | 'finishDrill'>;

/** The steps that only a drill has. All are the table's alone. */
export const drillExecutors: Part = {
  askVerify: {
    kind: 'record',
    change: (_, { task }) => ({ ...look(2, askTask(task)), wake: [task.hostId] }),
  },
  recordDrill: { kind: 'record', change: (facts, { finding }) => recordDrill(facts, finding) },
  finishDrill: { kind: 'record', change: finishScratch },
};

/** Written down before the scratch volume goes; that it has failed is kept for the operation's end. */
function recordDrill(facts: EbsFacts, finding: DrillFinding): Change {
  const { operation, scratch, now } = facts;
  const { task } = scratch ?? {};
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
