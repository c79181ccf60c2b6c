import { errorCodes, isErrorCode, type ProductError } from '#shared/model/errors.ts';
import type { TaskItem, TransferItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { ageOf, done, minutes, pace, type Failure } from '../planner.ts';
import type { TransferFacts, TransferStep } from './steps.ts';

/** A host that is not heard of for so long has lost its task. An agent's restart, and a machine's, take less. */
const hostPatience = minutes(10);

/** Names the one next step of an export or an import. The host does the work: it is waited for. Pure. */
export function planTransfer(facts: TransferFacts): TransferStep {
  const { operation, transfer, task } = facts;
  const { message, progress } = operation;
  if (isFinished(operation.status))
    return { kind: 'stop', outcome: operation.status === 'succeeded' ? 'done' : 'failed', message, progress };
  if (transfer === undefined || task === undefined) {
    const failure = { code: 'Internal', detail: 'The record of the transfer is gone.' } as const;
    return { kind: 'abandon', failure, message: failure.detail, progress };
  }
  if (task.result === undefined) return planWait(facts, task);
  if (task.result.outcome === 'failed') return fail(facts, failureOf(task));
  return planDone(facts, transfer, task);
}

function planWait(facts: TransferFacts, task: TaskItem): TransferStep {
  const { operation, host, now } = facts;
  const why = lostBy(facts, task);
  if (why !== undefined)
    return fail(facts, {
      code: 'TimedOut',
      detail: `${task.hostId} ${why}.`,
      hint: 'See that its agent runs (hivemind host ls), then begin again.',
    });
  const doing = operation.kind === 'export' ? 'packs the files' : 'unpacks the archive';
  const since = host?.seen?.at ?? host?.host.lastSeenAt ?? operation.createdAt;
  const silent = now.getTime() - Date.parse(since) > minutes(2);
  const message = silent ? `Waiting for ${task.hostId}, which does not answer` : `${task.hostId} ${doing}`;
  return { kind: 'wait', seconds: pace(ageOf(operation, now)), message, progress: 20 };
}

/** Why nobody waits for the host any more. */
function lostBy({ host, now }: TransferFacts, { deadline }: TaskItem): string | undefined {
  if (host === undefined || host.host.instanceState === 'terminated') return 'is gone';
  if (now.getTime() > Date.parse(deadline)) return 'did not finish within a day';
  const seen = Math.max(Date.parse(host.host.lastSeenAt), Date.parse(host.seen?.at ?? host.host.lastSeenAt));
  return now.getTime() - seen > hostPatience ? 'does not answer' : undefined;
}

function failureOf({ hostId, result }: TaskItem): Failure {
  const { code = 'CommandFailed', detail = 'it failed' } = result?.error ?? {};
  return {
    code: isErrorCode(code) && code in errorCodes ? code : 'CommandFailed',
    detail: `${hostId}: ${detail}`,
  };
}

function planDone(facts: TransferFacts, { sha256 }: TransferItem, task: TaskItem): TransferStep {
  const { operation } = facts;
  const files = task.result?.transfer?.files ?? 0;
  if (operation.kind === 'export') {
    if (sha256 === undefined)
      return fail(facts, { code: 'StorageFailed', detail: `${task.hostId} sent no archive.` });
    return { kind: 'finishTransfer', message: `${files} files are packed`, progress: 100 };
  }
  const message = `${files} files are restored`;
  if (!done(operation, 'removeArchive')) return { kind: 'removeArchive', message, progress: 90 };
  return { kind: 'finishTransfer', message, progress: 100 };
}

/** Fails, with nothing of it left behind in S3. */
function fail({ operation }: TransferFacts, failure: Failure): TransferStep {
  const { progress } = operation;
  if (!done(operation, 'removeArchive')) return { kind: 'removeArchive', message: failure.detail, progress };
  return { kind: 'failTransfer', failure, message: failure.detail, progress };
}

/** S3 refuses to remove the archive: the bucket itself removes it a day later, and the work is done all the same. */
export function planTransferRefusal(facts: TransferFacts, _error: ProductError): TransferStep {
  const removed = { ...facts.operation, trail: [...facts.operation.trail, 'removeArchive'] };
  return planTransfer({ ...facts, operation: removed });
}
