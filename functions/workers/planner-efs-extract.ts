import type { HostRecord } from '#shared/aws/table/records.ts';
import type { BackupItem, TaskItem, TransferItem } from '#shared/model/items.ts';
import { archiveMetadataOf } from '#shared/model/rules-transfer.ts';
import { retire, type Ways } from './planner-efs-drill.ts';
import type { EfsFacts, EfsStep } from './planner-efs.ts';
import { wait } from './planner-efs-restore.ts';
import { failureOf } from './planner-extract.ts';
import { ageOf, done, minutes, type Failure } from './planner.ts';
import { hostPatience, isGivenUp } from './scratch-patience.ts';

type AskedItem = Extract<TaskItem, { kind: 'extract-files' }>;

/** Of a browse or an extract of a recovery point. */
export interface EfsReadFacts {
  readonly backup: BackupItem | undefined;
  /** What the host was asked. */
  readonly task: AskedItem | undefined;
  /** The host that reads. */
  readonly target: HostRecord | undefined;
  /** What it sends. */
  readonly transfer: TransferItem | undefined;
}

export interface EfsReadSteps {
  askExtract: { readonly task: AskedItem };
  /** Writes down that it was read, or why not; from now on the copy is removed. */
  recordExtract: { readonly failure: Failure | undefined };
  /** S3 DeleteObject or AbortMultipartUpload, of what nobody will fetch. */
  removeArchive: Record<never, never>;
  /** The copy is gone. Ends a browse or an extract. */
  finishExtract: Record<never, never>;
}

/** AWS says nothing of how long a restore may take; it is not waited for longer than that. */
const restorePatience = minutes(12 * 60);

/**
 * A browse or an extract of a recovery point: its directory is restored beside the volume's, a host reads and sends what was
 * asked for; that is written down; and then, whatever came of it, the directory is emptied and its access point goes. The
 * operation ends when nothing of it is left.
 */
export function planEfsExtract(facts: EfsFacts, ways: Ways): EfsStep {
  return done(facts.operation, 'recordExtract') ? planEnd(facts, ways) : planRead(facts, ways); // guard: extract-files-cleans off: return done(facts.operation, 'recordExtract') ? finish(facts) : planRead(facts, ways);
}

function planRead(facts: EfsFacts, ways: Ways): EfsStep {
  const { record, reading, operation, now } = facts;
  if (reading?.backup === undefined)
    return ended(facts, { code: 'BackupNotFound', detail: 'The backup is gone.' });
  if (record.volume.state !== 'creating')
    return reading.task === undefined ? ask(facts, reading.backup) : judge(facts, reading.task);
  if (ageOf(operation, now) > restorePatience)
    return ended(facts, { code: 'TimedOut', detail: 'It was not restored within 12 hours.' });
  const step = ways.create(facts);
  if (step.kind === 'confirmCreated') return { ...step, kind: 'scratchReady', progress: 50 };
  if (step.kind === 'failCreate') return ended(facts, step.failure);
  return { ...step, progress: Math.floor(step.progress / 2) };
}

function ask(facts: EfsFacts, backup: BackupItem): EfsStep {
  const { operation, record, now } = facts;
  const { storage, id: volumeId } = record.volume;
  const { host: hostId = '', read } = operation;
  if (storage?.kind !== 'efs' || read === undefined)
    return ended(facts, { code: 'IllegalState', detail: 'The copy has no access point.' });
  const { fileSystemId, accessPointId } = storage;
  return {
    kind: 'askExtract',
    task: {
      kind: 'extract-files',
      operationId: operation.id,
      hostId,
      volumeId,
      epoch: 0,
      deadline: new Date(now.getTime() + hostPatience).toISOString(),
      at: now.toISOString(),
      begun: false,
      backupId: backup.id,
      copy: { fileSystemId, accessPointId },
      ...read,
      metadata: archiveMetadataOf(backup),
    },
    message: `Asking ${hostId} to read the copy`,
    progress: 60,
  };
}

function judge(facts: EfsFacts, task: AskedItem): EfsStep {
  const { reading, now } = facts;
  const { result, hostId } = task;
  if (result?.outcome === 'failed') return ended(facts, failureOf(task));
  if (result !== undefined && reading?.transfer?.sha256 === undefined)
    return ended(facts, { code: 'StorageFailed', detail: `${hostId} sent nothing.` });
  if (result !== undefined) return ended(facts);
  if (isGivenUp({ target: reading?.target, now }, task))
    return ended(facts, {
      code: 'TimedOut',
      detail: `${hostId} has not read the copy in time.`,
      hint: 'See that its agent runs (hivemind host ls), then begin again.',
    });
  return { ...wait(facts, `${hostId} is reading the copy`), progress: 70 };
}

/** What was read is in the archive bucket, or never will be. */
function ended({ operation }: EfsFacts, failure?: Failure): EfsStep {
  const progress = Math.max(80, operation.progress);
  return { kind: 'recordExtract', failure, message: failure?.detail ?? 'It is read', progress };
}

/** What follows when AWS refuses a step for good. */
export function planEfsExtractRefusal(facts: EfsFacts, failure: Failure): EfsStep {
  const { operation, record } = facts;
  if (!done(operation, 'recordExtract')) return ended(facts, failure);
  // What S3 does not remove now, the bucket itself removes later; the copy must go: somebody must lift the refusal.
  const isGone = record.volume.state === 'purging' && done(operation, 'deleteAccessPoint');
  return isGone ? finish(facts) : { ...wait(facts, failure.detail, 60), progress: operation.progress };
}

function planEnd(facts: EfsFacts, ways: Ways): EfsStep {
  const { operation, reading } = facts;
  const isSent = reading?.transfer?.uploadId !== undefined && reading.transfer.removed !== true;
  // Nobody fetches a part of what was asked for.
  const removal = retire(facts, ways);
  if (removal !== undefined) return removal;
  if (operation.error !== undefined && isSent && !done(operation, 'removeArchive'))
    return { kind: 'removeArchive', message: operation.error.detail, progress: 95 };
  return finish(facts);
}

function finish({ operation }: EfsFacts): EfsStep {
  return { kind: 'finishExtract', message: operation.error?.detail ?? 'It can be fetched', progress: 100 };
}
