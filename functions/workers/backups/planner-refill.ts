import type { BackupStorage } from '#shared/model/backup.ts';
import { isErrorCode } from '#shared/model/errors.ts';
import type { BackupItem, TaskItem } from '#shared/model/items.ts';
import { isSingleWriter, usersOf } from '#shared/model/rules-use.ts';
import { busyStates } from '#shared/model/states.ts';
import type { FillTask, ImportTask } from '#shared/model/task.ts';
import { done, type Failure } from '../planner.ts';
import { failureOf, waitingFor, whyLost } from '../waited-host.ts';
import { lost, noHostFor, unfillable, waited } from './planner-archive.ts';
import { wait, type BackupFacts, type BackupStep } from './steps.ts';

/** Steps that only a restore of files in place has. */
export interface RefillSteps {
  /** Asks the host to back up what is there. */
  askGuard: { readonly task: TaskItem };
  /** What is there is an archive: it may be replaced. */
  keepGuard: { readonly storage: BackupStorage; readonly cutAt: string };
  /** Nothing is there: nothing is to be kept, and what comes until the files are there is not replaced. */
  dropGuard: Record<never, never>;
  /** S3 DeleteObject, of what a caller has sent. With a failure nothing of it gets in any more. */
  removeArchive: { readonly failure?: Failure };
  finishRefill: Record<never, never>;
  /** `asBefore`: the volume holds what it held; if not, nobody may have it until another restore has settled that. */
  failRefill: { readonly failure: Failure; readonly asBefore: boolean };
}

/**
 * The files of a volume that is there are replaced: nobody uses it any more, its host makes an archive of what it holds, and
 * then the same host puts the new ones beside that, of a backup or of what a caller has sent, and exchanges the two. Until the
 * host is asked for the latter, whatever fails leaves the volume as it was.
 */
export function planRefill(facts: BackupFacts): BackupStep {
  const { record, operation } = facts;
  const { volume } = record;
  const failure = givenUp(facts);
  if (failure !== undefined) return failRefill(facts, failure);
  if (volume.filling !== operation.id)
    return failRefill(facts, illegal(`"${volume.name}" is restored by another operation.`));
  if (unfillable.has(volume.state)) return failRefill(facts, illegal(`"${volume.name}" is ${volume.state}.`));
  const isKept = done(operation, 'keepGuard') || done(operation, 'dropGuard'); // guard: refill-guarded off: const isKept = true;
  return isKept ? planExchange(facts) : (planFree(facts) ?? planGuard(facts));
}

/** S3 refuses to remove the archive: the bucket itself removes it a day later, and the end is the same. */
export function planKeptArchive(
  facts: BackupFacts,
  { failure: error }: RefillSteps['removeArchive'],
): BackupStep {
  const { operation } = facts;
  const trail = [...operation.trail, 'removeArchive'];
  return planRefill({ ...facts, operation: { ...operation, trail, ...(error && { error }) } });
}

/** Why it was given up, when the archive had yet to be removed; undefined too where the host has put it in all the same. */
function givenUp({ operation, task }: BackupFacts): Failure | undefined {
  const { error } = operation;
  if (error === undefined || (isExchange(task) && task.result?.outcome === 'done')) return undefined;
  const { code, detail, hint } = error;
  return { code: isErrorCode(code) ? code : 'Internal', detail, ...(hint === undefined ? {} : { hint }) };
}

/** From here on it is not known what the volume holds, until the host has said so. */
const isExchange = (task: TaskItem | undefined): task is TaskItem & (FillTask | ImportTask) =>
  task?.kind === 'fill' || task?.kind === 'import';

/** Nobody but the host that is asked has it in use; undefined then. */
function planFree(facts: BackupFacts): BackupStep | undefined {
  const { record, operation, powerless, holderPowerless, now, task } = facts;
  if (task !== undefined) return undefined;
  const ended = isSingleWriter(record.volume.driver) && holderPowerless;
  const users = ended ? [] : usersOf(record).filter(({ host }) => !powerless.has(host)); // guard: refill-in-use off: const users = [] as ReturnType<typeof usersOf>;
  if (users.length === 0) return undefined;
  const who = users.map(({ host, containers }) => [host, ...containers].join(' ')).join(', ');
  const detail = `The volume is in use on ${who}.`;
  if (now.getTime() < Date.parse(operation.waitUntil ?? operation.createdAt))
    return { ...wait(facts, `Waiting until it is free. ${detail}`), progress: 5 };
  const hint = 'Stop the containers that use it, then try again.';
  return failRefill(facts, { code: 'VolumeBusy', detail, hint });
}

function planGuard(facts: BackupFacts): BackupStep {
  const { task, guard } = facts;
  if (guard?.storage?.kind !== 'archive')
    return failRefill(facts, illegal('The backup of what is there is gone.'));
  if (task === undefined) {
    const { id: backupId, storage } = guard;
    const { path, repository } = storage;
    return {
      kind: 'askGuard',
      task: { ...newTask(facts), kind: 'archive', settle: true, backupId, path, repository },
      message: `Asking ${facts.operation.host ?? ''} to back up what is replaced`,
      progress: 10,
    };
  }
  const { result, hostId } = task;
  if (result === undefined) return waitOn(facts, task, { doing: 'backs up what is replaced', progress: 20 });
  const { snapshot, empty } = result;
  if (empty === true) return { kind: 'dropGuard', message: 'It is empty: nothing is replaced', progress: 50 };
  if (result.outcome === 'failed' || snapshot === undefined) return failRefill(facts, failureOf(task));
  return {
    kind: 'keepGuard',
    storage: { ...guard.storage, snapshot },
    cutAt: snapshot.at,
    message: `What is replaced is kept as ${guard.id}, made by ${hostId}`,
    progress: 50,
  };
}

function planExchange(facts: BackupFacts): BackupStep {
  const { task, guard, record } = facts;
  if (!isExchange(task)) {
    // The host gives it back after the backup; an attach follows.
    if (busyStates.has(record.volume.state)) return wait(facts, `It is ${record.volume.state}`);
    return ask(facts);
  }
  const { result } = task;
  if (result === undefined) return waitOn(facts, task, { doing: 'restores the files', progress: 60 });
  if (result.outcome === 'failed') return failRefill(facts, failureOf(task));
  const kept = guard === undefined ? '' : `; what was there is kept as ${guard.id}`;
  const message = `${result.transfer?.files ?? 0} files are restored${kept}`;
  return cleared(facts, { kind: 'finishRefill', message, progress: 100 });
}

function ask(facts: BackupFacts): BackupStep {
  const { operation, backup } = facts;
  const files = operation.kind === 'import' ? ({ kind: 'import' } as const) : filesOf(backup);
  if (files === undefined)
    return failRefill(facts, { code: 'BackupNotFound', detail: 'The backup is gone.' });
  const replace = done(operation, 'keepGuard'); // guard: replace-what-is-kept off: const replace = true;
  return {
    kind: 'askFill',
    task: { ...newTask(facts), ...files, replace },
    message: `Asking ${operation.host ?? ''} to restore the files`,
    progress: 55,
  };
}

function filesOf(backup: BackupItem | undefined) {
  const { storage } = backup ?? {};
  if (backup === undefined || storage?.kind !== 'archive' || storage.snapshot === undefined) return undefined;
  const { path, repository, snapshot } = storage;
  const { snapshotId, files } = snapshot;
  return { kind: 'fill', backupId: backup.id, path, repository, snapshotId, files } as const;
}

function newTask({ operation, record, now }: BackupFacts) {
  return {
    operationId: operation.id,
    hostId: operation.host ?? '',
    volumeId: record.volume.id,
    epoch: 0,
    name: record.volume.name,
    deadline: new Date(now.getTime() + noHostFor).toISOString(),
    at: now.toISOString(),
    begun: false,
  };
}

function waitOn(
  facts: BackupFacts,
  task: TaskItem,
  { doing, progress }: { readonly doing: string; readonly progress: number },
): BackupStep {
  const why = whyLost(waited(facts), task);
  if (why !== undefined) return failRefill(facts, lost(task.hostId, why));
  return { ...wait(facts, waitingFor(waited(facts), task, doing)), progress };
}

/** A host that was asked to exchange the files, and says nothing or not what is there now, may have begun. */
export function failRefill(facts: BackupFacts, failure: Failure): BackupStep {
  const { operation, task } = facts;
  const asBefore = !isExchange(task) || task.result?.asBefore === true; // guard: refill-settled off: const asBefore = true;
  const { progress } = operation;
  const hint = 'What is in it is not known: restore it in place again, which settles that first.';
  const end: BackupStep = {
    kind: 'failRefill',
    failure: asBefore ? failure : { ...failure, hint },
    asBefore,
    message: failure.detail,
    progress,
  };
  return cleared(facts, end, failure);
}

/** The end, once nothing of what a caller has sent is left in S3. */
function cleared(facts: BackupFacts, end: BackupStep, failure?: Failure): BackupStep {
  const { operation, transfer } = facts;
  if (transfer === undefined || done(operation, 'removeArchive')) return end;
  const { message } = end;
  return { kind: 'removeArchive', ...(failure && { failure }), message, progress: operation.progress };
}

const illegal = (detail: string): Failure => ({ code: 'IllegalState', detail });
