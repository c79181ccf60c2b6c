import { isErrorCode } from '#shared/model/errors.ts';
import type { BackupItem, TaskItem } from '#shared/model/items.ts';
import { archiveMetadataOf } from '#shared/model/rules-transfer.ts';
import { wait, type EbsFacts, type EbsStep } from './planner-ebs-steps.ts';
import { planRemoval, planToHost, scratchTask } from './planner-scratch.ts';
import { isGivenUp } from './scratch-patience.ts';
import { done, type Failure } from './planner.ts';

/**
 * A browse or an extract: a scratch volume is made from the backup and attached, the host reads and sends what was asked for;
 * that is written down; and then, whatever came of it, the scratch volume goes. The operation ends when nothing of it is left.
 */
export function planExtract(facts: EbsFacts): EbsStep {
  return done(facts.operation, 'recordExtract') ? planEnd(facts) : planRead(facts); // guard: extract-cleans off: return done(facts.operation, 'recordExtract') ? { kind: 'finishExtract', message: '', progress: 100 } : planRead(facts);
}

function planRead(facts: EbsFacts): EbsStep {
  const { record, scratch } = facts;
  if (scratch?.backup === undefined)
    return ended(facts, { code: 'BackupNotFound', detail: 'The backup is gone.' });
  if (record.volume.state !== 'attached') return planToHost(facts, (failure) => ended(facts, failure));
  return scratch.task === undefined ? ask(facts, scratch.backup) : judge(facts, scratch.task);
}

function ask(facts: EbsFacts, backup: BackupItem): EbsStep {
  const { operation, record } = facts;
  const { volume, lease } = record;
  const format = lease?.filesystem;
  if (format?.state !== 'formatted' || volume.storage?.kind !== 'ebs' || operation.read === undefined)
    return ended(facts, { code: 'IllegalState', detail: 'The backup holds no filesystem.' });
  return {
    kind: 'askExtract',
    task: {
      ...scratchTask(facts),
      kind: 'extract',
      backupId: backup.id,
      serial: volume.storage.volumeId,
      filesystem: { type: format.type, uuid: format.uuid },
      ...operation.read,
      metadata: archiveMetadataOf(backup),
    },
    message: `Asking ${operation.host ?? ''} to read the copy`,
    progress: 60,
  };
}

function judge(facts: EbsFacts, task: TaskItem): EbsStep {
  const { transfer } = facts.scratch ?? {};
  const { result, hostId } = task;
  if (result?.outcome === 'failed') return ended(facts, failureOf(task));
  if (result !== undefined && transfer?.sha256 === undefined)
    return ended(facts, { code: 'StorageFailed', detail: `${hostId} sent nothing.` });
  if (result !== undefined) return ended(facts);
  if (isGivenUp(facts, task))
    return ended(facts, {
      code: 'TimedOut',
      detail: `${hostId} has not read the copy in time.`,
      hint: 'See that its agent runs (hivemind host ls), then begin again.',
    });
  return { ...wait(facts, `${hostId} is reading the copy`), progress: 70 };
}

export function failureOf({ hostId, result }: TaskItem): Failure {
  const { code = 'CommandFailed', detail = 'no reason' } = result?.error ?? {};
  return { code: isErrorCode(code) ? code : 'CommandFailed', detail: `${hostId}: ${detail}`.slice(0, 2048) };
}

/** What was read is in the archive bucket, or never will be. */
function ended({ operation }: EbsFacts, failure?: Failure): EbsStep {
  return {
    kind: 'recordExtract',
    failure,
    message: failure?.detail ?? 'It is read',
    progress: Math.max(80, operation.progress),
  };
}

/** What follows when AWS refuses a step for good. */
export function planExtractRefusal(facts: EbsFacts, failure: Failure): EbsStep {
  if (!done(facts.operation, 'recordExtract')) return ended(facts, failure);
  // What S3 does not remove now, the bucket itself removes later.
  if (planRemoval(facts) === undefined) return finish(facts);
  // The scratch volume must go: somebody must lift the refusal.
  return { ...wait(facts, failure.detail, 60), progress: facts.operation.progress };
}

function planEnd(facts: EbsFacts): EbsStep {
  const { operation, scratch } = facts;
  const removal = planRemoval(facts);
  if (removal !== undefined) return removal;
  const isSent = scratch?.transfer?.uploadId !== undefined && scratch.transfer.removed !== true;
  // Nobody fetches a part of what was asked for.
  if (operation.error !== undefined && isSent && !done(operation, 'removeArchive'))
    return { kind: 'removeArchive', message: operation.error.detail, progress: 95 };
  return finish(facts);
}

function finish({ operation }: EbsFacts): EbsStep {
  return { kind: 'finishExtract', message: operation.error?.detail ?? 'It can be fetched', progress: 100 };
}
