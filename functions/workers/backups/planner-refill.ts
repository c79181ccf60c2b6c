import type { BackupStorage } from '#shared/model/backup.ts';
import type { BackupItem, TaskItem } from '#shared/model/items.ts';
import { isSingleWriter, usersOf } from '#shared/model/rules-use.ts';
import { busyStates } from '#shared/model/states.ts';
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
  finishRefill: Record<never, never>;
  /** `asBefore`: the volume holds what it held; if not, nobody may have it until another restore has settled that. */
  failRefill: { readonly failure: Failure; readonly asBefore: boolean };
}

/**
 * The files of a volume that is there are replaced: nobody uses it any more, its host makes an archive of what it holds, and
 * then the same host restores the backup beside that and exchanges the two. Until the host is asked for the latter, whatever
 * fails leaves the volume as it was.
 */
export function planRefill(facts: BackupFacts): BackupStep {
  const { record, operation } = facts;
  const { volume } = record;
  if (volume.filling !== operation.id)
    return failRefill(facts, illegal(`"${volume.name}" is restored by another operation.`));
  if (unfillable.has(volume.state)) return failRefill(facts, illegal(`"${volume.name}" is ${volume.state}.`));
  const isKept = done(operation, 'keepGuard'); // guard: refill-guarded off: const isKept = true;
  return isKept ? planExchange(facts) : (planFree(facts) ?? planGuard(facts));
}

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
  const { snapshot } = result;
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
  const { task, backup, operation, record } = facts;
  if (task?.kind !== 'fill') {
    // The host gives it back after the backup; an attach follows.
    if (busyStates.has(record.volume.state)) return wait(facts, `It is ${record.volume.state}`);
    return ask(facts, backup);
  }
  const { result } = task;
  if (result === undefined) return waitOn(facts, task, { doing: 'restores the files', progress: 60 });
  if (result.outcome === 'failed') return failRefill(facts, failureOf(task));
  const files = result.transfer?.files ?? 0;
  const message = `${files} files are restored; what was there is kept as ${operation.guard ?? ''}`;
  return { kind: 'finishRefill', message, progress: 100 };
}

function ask(facts: BackupFacts, backup: BackupItem | undefined): BackupStep {
  const { storage } = backup ?? {};
  if (backup === undefined || storage?.kind !== 'archive' || storage.snapshot === undefined)
    return failRefill(facts, { code: 'BackupNotFound', detail: 'The backup is gone.' });
  const { path, repository, snapshot } = storage;
  const { snapshotId, files } = snapshot;
  const about = { backupId: backup.id, path, repository, snapshotId, files };
  return {
    kind: 'askFill',
    task: { ...newTask(facts), kind: 'fill', replace: true, ...about },
    message: `Asking ${facts.operation.host ?? ''} to restore the files`,
    progress: 55,
  };
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
  const asBefore = task?.kind !== 'fill' || task.result?.asBefore === true; // guard: refill-settled off: const asBefore = true;
  const { progress } = operation;
  const hint = 'What is in it is not known: restore it in place again, which settles that first.';
  return {
    kind: 'failRefill',
    failure: asBefore ? failure : { ...failure, hint },
    asBefore,
    message: failure.detail,
    progress,
  };
}

const illegal = (detail: string): Failure => ({ code: 'IllegalState', detail });
