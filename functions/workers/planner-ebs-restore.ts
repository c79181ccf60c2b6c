import type { BlockVolume } from '#shared/aws/ec2/block-storage.ts';
import type { BackupItem, Incoming } from '#shared/model/items.ts';
import { planCreate } from './planner-ebs-create.ts';
import { planFree, planSnapshot } from './planner-ebs-delete.ts';
import type { EbsFacts, EbsStep } from './planner-ebs-steps.ts';
import { done, type Failure } from './planner.ts';

/** What a restore in place looks at, beside its volume. */
export interface RestoreFacts {
  /** The one that is restored. */
  readonly backup: BackupItem | undefined;
  /** The one that keeps what is replaced. */
  readonly guard: BackupItem | undefined;
  /** What EC2 says of the volume that was made from the backup. */
  readonly incoming: BlockVolume | undefined;
}

/**
 * A restore in place: the volume is handed back and detached (contract 3), what it holds is kept as a backup, an EC2 volume is
 * made from the backup, one transaction puts it in the place of the old one, and only then is the old one freed. Until that
 * exchange whatever fails leaves the volume as it was.
 */
export function planRestore(facts: EbsFacts): EbsStep {
  return done(facts.operation, 'exchange') ? planAftermath(facts) : planExchange(facts);
}

function planExchange(facts: EbsFacts): EbsStep {
  const { incoming } = facts.record.volume;
  if (incoming === undefined) return asItWas(facts, nothingToRestore);
  return planFree(facts) ?? planGuard(facts) ?? planIncoming(facts, incoming);
}

/** What is there is kept first; undefined once it is, or when there is nothing to keep. */
function planGuard(facts: EbsFacts): EbsStep | undefined {
  const { operation } = facts;
  if (operation.guard === undefined || done(operation, 'keepGuard')) return undefined; // guard: restore-guarded off: if (operation.guard !== 'none') return undefined;
  const step = planSnapshot(facts, 'a backup of what is replaced');
  if (step.kind !== 'finishDelete') return { ...step, progress: Math.floor(step.progress / 2) };
  if (step.failure !== undefined) return asItWas(facts, step.failure);
  return { kind: 'keepGuard', message: `What is replaced is kept as ${operation.guard}`, progress: 50 };
}

/** The way of any new volume, of one that the record does not have yet. */
function planIncoming(facts: EbsFacts, incoming: Incoming): EbsStep {
  const step = planCreate(asNewVolume(facts, incoming));
  const progress = 50 + Math.floor(step.progress / 2);
  switch (step.kind) {
    case 'createVolume':
      return {
        ...step,
        kind: 'createIncoming',
        mark: `createIncoming:${facts.record.volume.attempt}`,
        progress,
      };
    case 'nextAttempt':
      return { ...step, kind: 'nextIncoming', mark: `nextIncoming:${facts.record.volume.attempt}`, progress };
    case 'confirmCreated':
      return { kind: 'exchange', message: 'Putting the restored volume in its place', progress: 85 };
    case 'failCreate':
      return asItWas(facts, step.failure);
    default:
      return { ...step, progress };
  }
}

function asNewVolume(facts: EbsFacts, incoming: Incoming): EbsFacts {
  const { record, restore } = facts;
  const { madeFrom, sizeBytes, encrypted, storage, createdInAwsAt } = incoming;
  const volume = { ...record.volume, madeFrom, sizeBytes, encrypted, storage, createdInAwsAt };
  return { ...facts, record: { ...record, volume }, block: restore?.incoming };
}

/** The volume is restored. What it had is freed once it is sure that its backup is there. */
function planAftermath(facts: EbsFacts): EbsStep {
  const { operation, record, restore } = facts;
  const { outgoing } = record.volume;
  const finished: EbsStep = { kind: 'finishRestore', message: 'Restored', progress: 100 };
  if (outgoing?.kind !== 'ebs' || done(operation, 'deleteVolume')) return finished;
  const isKept = operation.guard === undefined || restore?.guard?.state === 'available';
  // Its backup cannot be removed while this operation needs it: only somebody at work on the table itself could.
  if (!isKept) return leftAlone(outgoing.volumeId); // guard: restore-keeps-old
  return {
    kind: 'deleteVolume',
    ebsId: outgoing.volumeId,
    message: 'Freeing the EBS volume that was replaced',
    progress: 90,
  };
}

function leftAlone(ebsId: string): EbsStep {
  const message = `Restored. ${ebsId} is left, as the backup of it is gone`;
  return { kind: 'finishRestore', message, progress: 100 };
}

/** What follows when AWS refuses a step for good. Once it is exchanged, the volume is restored: what is left is reported as a leak. */
export function planRestoreRefusal(facts: EbsFacts, failure: Failure): EbsStep {
  if (!done(facts.operation, 'exchange')) return asItWas(facts, failure);
  return { kind: 'finishRestore', message: `Restored. ${failure.detail}`, progress: 100 };
}

function asItWas({ operation }: EbsFacts, failure: Failure): EbsStep {
  return { kind: 'restore', failure, message: failure.detail, progress: operation.progress };
}

const nothingToRestore: Failure = { code: 'IllegalState', detail: 'Nothing is to be put in its place.' };
