import type { TaskItem } from '#shared/model/items.ts';
import type { DrillFinding } from '#shared/model/rules-drill.ts';
import { wait, type EbsFacts, type EbsStep } from './planner-ebs-steps.ts';
import { outcomeOf, verdictOn } from './drill-verdict.ts';
import { planRemoval, planToHost, scratchTask } from './planner-scratch.ts';
import { done, type Failure } from './planner.ts';
import { readPatience } from './scratch-patience.ts';

/**
 * A drill: a scratch volume is made from the backup, attached, looked into by the host; what was found is written down; and
 * then, whatever that was, the scratch volume goes. The operation ends when nothing of it is left.
 */
export function planDrill(facts: EbsFacts): EbsStep {
  return done(facts.operation, 'recordDrill') ? planEnd(facts) : planLook(facts); // guard: drill-cleans off: return done(facts.operation, 'recordDrill') ? { kind: 'finishDrill', message: '', progress: 100 } : planLook(facts);
}

function planLook(facts: EbsFacts): EbsStep {
  const { record, scratch } = facts;
  if (scratch?.backup === undefined)
    return found(facts, { outcome: 'failed', detail: 'The backup is gone.' });
  if (record.volume.state !== 'attached') return planToHost(facts, (failure) => notRestored(facts, failure));
  return scratch.task === undefined ? ask(facts) : judge(facts, scratch.task);
}

function notRestored(facts: EbsFacts, { code, detail }: Failure): EbsStep {
  return found(facts, { outcome: outcomeOf(code), detail });
}

function ask(facts: EbsFacts): EbsStep {
  const { operation, record, scratch } = facts;
  const { volume, lease } = record;
  const format = lease?.filesystem;
  if (format?.state !== 'formatted' || volume.storage?.kind !== 'ebs' || scratch?.backup === undefined)
    return found(facts, { outcome: 'failed', detail: 'The backup holds no filesystem.' });
  const { id: backupId, manifest } = scratch.backup;
  return {
    kind: 'askVerify',
    task: {
      ...scratchTask(facts),
      kind: 'verify',
      backupId,
      serial: volume.storage.volumeId,
      filesystem: { type: format.type, uuid: format.uuid },
      patienceSeconds: readPatience / 1000,
      ...(manifest === undefined ? {} : { manifest }),
      ...(operation.check === undefined ? {} : { check: operation.check }),
    },
    message: `Asking ${operation.host ?? ''} to look into the copy`,
    progress: 60,
  };
}

function judge(facts: EbsFacts, task: TaskItem): EbsStep {
  const finding = verdictOn(facts, task);
  if (finding !== undefined) return found(facts, finding);
  return { ...wait(facts, `${task.hostId} is looking into the copy`), progress: 70 };
}

function found({ operation }: EbsFacts, finding: DrillFinding): EbsStep {
  return {
    kind: 'recordDrill',
    finding,
    message: finding.detail,
    progress: Math.max(80, operation.progress),
  };
}

/** What follows when AWS refuses a step of a drill for good. */
export function planDrillRefusal(facts: EbsFacts, detail: string): EbsStep {
  if (!done(facts.operation, 'recordDrill')) return found(facts, { outcome: 'failed', detail });
  // The scratch volume must go: somebody must lift the refusal.
  return { ...wait(facts, detail, 60), progress: facts.operation.progress };
}

function planEnd(facts: EbsFacts): EbsStep {
  const { operation } = facts;
  const end = { kind: 'finishDrill', message: operation.error?.detail ?? 'Passed', progress: 100 } as const;
  return planRemoval(facts) ?? end;
}
