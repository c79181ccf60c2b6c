import { snapshotOfStorage, type BackupKind } from '#shared/model/backup.ts';
import type { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import type { Failure } from '../planner.ts';
import { planCopy } from './planner-copy.ts';
import { planPointCopy } from './planner-point-copy.ts';
import { planArchive, planArchiveRemoval, planFill } from './planner-archive.ts';
import { planArchiveDrill } from './planner-archive-drill.ts';
import { planPointRemoval, planRecoveryPoint } from './planner-recovery-point.ts';
import { failRefill, planKeptArchive, planRefill } from './planner-refill.ts';
import { planSnapshot } from './planner-snapshot.ts';
import { planRemoval } from './planner-removal.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

/** Names the one next step of an operation on a backup. Pure. */
export function planBackup(facts: BackupFacts): BackupStep {
  const { operation, backup } = facts;
  const { message, progress } = operation;
  if (isFinished(operation.status)) {
    return { kind: 'stop', outcome: operation.status === 'succeeded' ? 'done' : 'failed', message, progress };
  }
  if (isReplacement(operation)) return planRefill(facts);
  if (operation.kind === 'restoreFiles') return planFill(facts);
  if (operation.kind === 'drill') return planArchiveDrill(facts);
  if (backup === undefined) return abandon(facts, 'BackupNotFound', 'The backup is gone.');
  if (backup.operation !== operation.id)
    return abandon(facts, 'StaleRevision', 'Another operation has taken the backup over.');
  return byKind(facts, backup);
}

/** Files take the place of others: those of an archive, or those that a caller has sent. */
function isReplacement({ kind, guard }: OperationItem): boolean {
  return (kind === 'restoreFiles' || kind === 'import') && guard !== undefined;
}

function byKind(facts: BackupFacts, backup: BackupItem): BackupStep {
  switch (facts.operation.kind) {
    case 'backup':
      return makers[backup.kind](facts, backup);
    case 'copyBackup':
      return backup.kind === 'recovery-point' ? planPointCopy(facts, backup) : planCopy(facts, backup);
    case 'deleteBackup':
      return removers[backup.kind](facts, backup);
    default:
      return abandon(facts, 'IllegalState', 'This worker serves backups only.');
  }
}

type Planner = (facts: BackupFacts, backup: BackupItem) => BackupStep;
const makers: Readonly<Record<BackupKind, Planner>> = {
  snapshot: planSnapshot,
  'recovery-point': planRecoveryPoint,
  archive: planArchive,
};
const removers: Readonly<Record<BackupKind, Planner>> = {
  snapshot: planRemoval,
  'recovery-point': planPointRemoval,
  archive: planArchiveRemoval,
};

/** What follows when AWS refuses a step for good. Repeats of what may pass are the runner's. */
export function planRefusal(facts: BackupFacts, error: ProductError, step: BackupStep): BackupStep {
  if (step.kind === 'removeArchive') return planKeptArchive(facts, step);
  const { operation, backup } = facts;
  const { hint } = error.details;
  const failure = { code: error.code, detail: error.message, ...(hint === undefined ? {} : { hint }) };
  const say = { message: error.message, progress: operation.progress };
  if (operation.kind === 'deleteBackup') return { kind: 'restoreBackup', failure, ...say };
  if (isReplacement(operation)) return failRefill(facts, failure);
  if (operation.kind === 'restoreFiles') return { kind: 'failFill', failure, ...say };
  // A second snapshot that cannot be removed is no reason to lose the first.
  if (snapshotOfStorage(backup?.storage) !== undefined) return { kind: 'wait', seconds: 60, ...say };
  return { kind: 'failBackup', failure, ...say };
}

function abandon({ operation }: BackupFacts, code: Failure['code'], detail: string): BackupStep {
  return { kind: 'abandon', failure: { code, detail }, message: detail, progress: operation.progress };
}
