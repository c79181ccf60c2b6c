import type { ProductError } from '#shared/model/errors.ts';
import type { TaskItem, TransferItem } from '#shared/model/items.ts';
import { isFinished, type OperationKind } from '#shared/model/operation.ts';
import { ageOf, done, pace, type Failure } from '../planner.ts';
import { failureOf, waitingFor, whyLost } from '../waited-host.ts';
import type { TransferFacts, TransferStep } from './steps.ts';

/** Names the one next step of an export, an import, or of what reads the files of an archive. The host does the work: it is waited for. Pure. */
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
  const { operation, now } = facts;
  const why = whyLost(facts, task);
  if (why !== undefined)
    return fail(facts, {
      code: 'TimedOut',
      detail: `${task.hostId} ${why}.`,
      hint: 'See that its agent runs (hivemind host ls), then begin again.',
    });
  const message = waitingFor(facts, task, doings[operation.kind] ?? 'works');
  return { kind: 'wait', seconds: pace(ageOf(operation, now)), message, progress: 20 };
}

const doings: Readonly<Partial<Record<OperationKind, string>>> = {
  export: 'packs the files',
  import: 'unpacks the archive',
  browse: 'reads the backup',
  extract: 'reads the backup',
};

function planDone(facts: TransferFacts, { sha256 }: TransferItem, task: TaskItem): TransferStep {
  const { operation } = facts;
  const files = task.result?.transfer?.files ?? 0;
  if (operation.kind !== 'import') {
    if (sha256 === undefined)
      return fail(facts, { code: 'StorageFailed', detail: `${task.hostId} sent nothing.` });
    const packed = operation.kind === 'export' ? `${files} files are packed` : 'It can be fetched';
    return { kind: 'finishTransfer', message: packed, progress: 100 };
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
