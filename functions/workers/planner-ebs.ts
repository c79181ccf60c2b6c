import type { ProductError } from '#shared/model/errors.ts';
import type { OperationItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { planDrill, planDrillRefusal } from './planner-drill.ts';
import { planExtract, planExtractRefusal } from './planner-extract.ts';
import { planAttach, planTakeBack } from './planner-ebs-attach.ts';
import { planCreate } from './planner-ebs-create.ts';
import { planDelete, planPurge } from './planner-ebs-delete.ts';
import { planDetach } from './planner-ebs-detach.ts';
import { planRestore, planRestoreRefusal } from './planner-ebs-restore.ts';
import { holderIn, type EbsFacts, type EbsStep } from './planner-ebs-steps.ts';

/** Names the one next step of an operation. Pure. */
export function planEbs(facts: EbsFacts): EbsStep {
  const { operation, record } = facts;
  if (isFinished(operation.status)) {
    const outcome = operation.status === 'succeeded' ? 'done' : 'failed';
    return { kind: 'stop', outcome, message: operation.message, progress: operation.progress };
  }
  if (record.volume.operation !== operation.id) return superseded(operation); // guard: operation-owns-volume
  if (operation.error !== undefined && operation.kind === 'attach') return planTakeBack(facts);
  switch (operation.kind) {
    case 'create':
      return planCreate(facts);
    case 'attach':
      return planAttach(facts);
    case 'detach':
      return planDetach(facts);
    case 'delete':
      return planDelete(facts);
    case 'purge':
      return planPurge(facts);
    case 'restore':
      return planRestore(facts);
    case 'drill':
      return planDrill(facts);
    case 'browse':
    case 'extract':
      return planExtract(facts);
    default:
      return misdirected(operation);
  }
}

/** What follows when AWS refuses a step for good. Repeats of what may pass are the runner's. */
export function planRefusal(facts: EbsFacts, error: ProductError): EbsStep {
  const { operation, record } = facts;
  const { hint } = error.details;
  const failure = { code: error.code, detail: error.message, ...(hint === undefined ? {} : { hint }) };
  const say = { message: error.message, progress: operation.progress };
  const { state } = record.volume;
  if (operation.kind === 'drill') return planDrillRefusal(facts, error.message);
  if (operation.kind === 'browse' || operation.kind === 'extract') return planExtractRefusal(facts, failure);
  if (operation.kind === 'restore') return { ...planRestoreRefusal(facts, failure), progress: say.progress };
  if (state === 'creating') return { kind: 'failCreate', failure, nextAttempt: false, ...say };
  if (operation.kind === 'attach' && operation.error === undefined)
    return { kind: 'takeBack', failure, ...say };
  if (operation.kind === 'attach') return { kind: 'settleBack', holder: holderIn(facts), ...say };
  if (state === 'detaching' || state === 'deleting') return { kind: 'restore', failure, ...say };
  if (state === 'deleted') return { kind: 'finishDelete', failure, ...say };
  // Storage that is being freed has no other way to go: somebody must lift the refusal.
  return { kind: 'wait', seconds: 60, ...say };
}

/** Backups have a worker of their own. */
function misdirected({ progress }: OperationItem): EbsStep {
  const failure = { code: 'IllegalState', detail: 'This worker does not make backups.' } as const;
  return { kind: 'abandon', failure, message: failure.detail, progress };
}

function superseded(operation: OperationItem): EbsStep {
  const detail = 'Another operation has taken the volume over.';
  return {
    kind: 'abandon',
    failure: { code: 'StaleRevision', detail },
    message: detail,
    progress: operation.progress,
  };
}
