import type { BackupItem } from '#shared/model/items.ts';
import type { RepositoryRef } from '#shared/model/repository.ts';
import { done, minutes, ageOf, type Failure } from '../planner.ts';
import { failureOf, waitingFor, whyLost } from '../waited-host.ts';
import type { ArchiveFacts } from './archive.ts';
import { wait, type BackupFacts, type BackupStep } from './steps.ts';

const nowhere: ArchiveFacts = { host: undefined, candidates: [], siblings: true };
export const waited = ({ archive = nowhere, now }: BackupFacts) => ({ host: archive.host, now });

/** A backup as files: a host makes it. */
export function planArchive(facts: BackupFacts, backup: BackupItem): BackupStep {
  const { task } = facts;
  const { storage } = backup;
  if (task === undefined || storage?.kind !== 'archive')
    return failBackup(facts, { code: 'Internal', detail: 'The record of what a host was asked is gone.' });
  const { result, hostId } = task;
  if (result === undefined) {
    const why = whyLost(waited(facts), task);
    return why === undefined
      ? { ...wait(facts, waitingFor(waited(facts), task, 'reads the files')), progress: 20 }
      : failBackup(facts, lost(hostId, why));
  }
  if (result.outcome === 'failed') return failBackup(facts, failureOf(task));
  const { snapshot } = result;
  if (snapshot === undefined)
    return failBackup(facts, { code: 'CommandFailed', detail: `${hostId} names no snapshot.` });
  return {
    kind: 'finishArchive',
    storage: { ...storage, snapshot },
    cutAt: snapshot.at,
    message: `${snapshot.files} files are backed up`,
    progress: 100,
  };
}

/** Removes a backup's snapshot; with the last one the whole repository. */
export function planArchiveRemoval(facts: BackupFacts, { storage, manifest }: BackupItem): BackupStep {
  const { archive = nowhere, record, operation } = facts;
  // First, while the backup can still be kept as it was. One that nobody wrote down is the sweep's.
  if (manifest !== undefined)
    return { kind: 'removeManifest', message: 'Removing the manifest', progress: 5 };
  if (storage?.kind !== 'archive') return forget(facts);
  const { backing } = record;
  if (backing === undefined)
    return { kind: 'claimRepository', message: 'Waiting for the repository', progress: 10 };
  if (backing.operationId !== operation.id)
    return wait(facts, 'Waiting until another backup of the volume is made or removed');
  const { repository } = storage;
  const { prefix, other } = repository;
  if (archive.siblings || other !== undefined) return planForget(facts, repository); // guard: repository-shared off: if (other !== undefined) return planForget(facts, repository);
  if (!done(operation, 'emptyRepository'))
    return { kind: 'emptyRepository', prefix, message: 'Removing the repository', progress: 40 };
  return lock(facts, repository);
}

/** Nobody needs the repository any more: without its password nothing that is left of it can be read. */
function lock(facts: BackupFacts, repository: RepositoryRef): BackupStep {
  const { operation, archive = nowhere } = facts;
  if (archive.siblings || done(operation, 'removePassword')) return forget(facts);
  return { kind: 'removePassword', repository, message: 'Removing its password', progress: 80 };
}

/** A host that is lost is followed by another one, so often. */
const mostAsked = 5;
/** How long a host is waited for. */
export const noHostFor = minutes(24 * 60);

function planForget(facts: BackupFacts, repository: RepositoryRef): BackupStep {
  const { task, archive = nowhere, operation } = facts;
  const [next] = archive.candidates;
  if (task !== undefined) {
    const { result } = task;
    if (result?.outcome === 'done') return lock(facts, repository);
    if (result?.outcome === 'failed') return keep(facts, failureOf(task));
    const why = whyLost(waited(facts), task);
    if (why === undefined)
      return { ...wait(facts, waitingFor(waited(facts), task, 'removes the snapshot')), progress: 30 };
    if (asked(facts) >= mostAsked) return keep(facts, lost(task.hostId, why));
  }
  if (next !== undefined) return askForget(facts, next);
  if (ageOf(operation, facts.now) < noHostFor)
    return wait(facts, 'Waiting for a host of the namespace that can remove the snapshot');
  return keep(facts, { code: 'TimedOut', detail: 'No host of the namespace could remove the snapshot.' });
}

const asked = ({ operation }: BackupFacts): number =>
  operation.trail.filter((mark) => mark.startsWith('askForget:')).length;

function askForget(facts: BackupFacts, hostId: string): BackupStep {
  const { operation, record, now, backup } = facts;
  const { storage } = backup ?? {};
  if (backup === undefined || storage?.kind !== 'archive') return forget(facts);
  const { repository, snapshot } = storage;
  return {
    kind: 'askForget',
    mark: `askForget:${asked(facts) + 1}`,
    task: {
      operationId: operation.id,
      hostId,
      volumeId: record.volume.id,
      epoch: 0,
      kind: 'forget',
      backupId: backup.id,
      repository,
      ...(snapshot === undefined ? {} : { snapshotId: snapshot.snapshotId }),
      deadline: new Date(now.getTime() + noHostFor).toISOString(),
      at: now.toISOString(),
      begun: false,
    },
    message: `Asking ${hostId} to remove the snapshot`,
    progress: 20,
  };
}

/** The files of a new volume: it is made first, then a host restores them. */
export function planFill(facts: BackupFacts): BackupStep {
  const { record, operation, task, backup } = facts;
  const { volume } = record;
  if (volume.filling !== operation.id)
    return failFill(facts, {
      code: 'IllegalState',
      detail: `"${volume.name}" is restored by another operation.`,
    });
  if (volume.state === 'creating' && task === undefined) return wait(facts, 'The volume is being created');
  if (unfillable.has(volume.state))
    return failFill(facts, {
      code: 'IllegalState',
      detail: `"${volume.name}" is ${volume.state}${volume.reason === undefined ? '' : `: ${volume.reason}`}.`,
    });
  if (task === undefined) return askFill(facts, backup);
  const { result, hostId } = task;
  if (result === undefined) {
    const why = whyLost(waited(facts), task);
    return why === undefined
      ? { ...wait(facts, waitingFor(waited(facts), task, 'restores the files')), progress: 40 }
      : failFill(facts, lost(hostId, why));
  }
  if (result.outcome === 'failed') return failFill(facts, failureOf(task));
  const files = result.transfer?.files ?? 0;
  return { kind: 'finishFill', message: `${files} files are restored`, progress: 100 };
}

export const unfillable: ReadonlySet<string> = new Set([
  'failed',
  'deleting',
  'deleted',
  'purging',
  'purged',
]);

function askFill(facts: BackupFacts, backup: BackupItem | undefined): BackupStep {
  const { operation, record, now } = facts;
  const { storage } = backup ?? {};
  if (backup === undefined || storage?.kind !== 'archive' || storage.snapshot === undefined)
    return failFill(facts, { code: 'BackupNotFound', detail: 'The backup is gone.' });
  const hostId = operation.host ?? '';
  return {
    kind: 'askFill',
    task: {
      operationId: operation.id,
      hostId,
      volumeId: record.volume.id,
      epoch: 0,
      kind: 'fill',
      name: record.volume.name,
      backupId: backup.id,
      path: storage.path,
      snapshotId: storage.snapshot.snapshotId,
      files: storage.snapshot.files,
      repository: storage.repository,
      deadline: new Date(now.getTime() + noHostFor).toISOString(),
      at: now.toISOString(),
      begun: false,
    },
    message: `Asking ${hostId} to restore the files`,
    progress: 20,
  };
}

export function lost(hostId: string, why: string): Failure {
  return {
    code: 'TimedOut',
    detail: `${hostId} ${why}.`,
    hint: 'See that its agent runs (hivemind host ls), then begin again.',
  };
}

function failBackup({ operation }: BackupFacts, failure: Failure): BackupStep {
  return { kind: 'failBackup', failure, message: failure.detail, progress: operation.progress };
}

function failFill({ operation }: BackupFacts, failure: Failure): BackupStep {
  return { kind: 'failFill', failure, message: failure.detail, progress: operation.progress };
}

function keep({ operation }: BackupFacts, failure: Failure): BackupStep {
  return { kind: 'restoreBackup', failure, message: failure.detail, progress: operation.progress };
}

function forget({ record, others }: BackupFacts): BackupStep {
  const lastOfVolume = record.volume.state === 'purged' && !others;
  return { kind: 'forgetBackup', lastOfVolume, message: 'The backup is removed', progress: 100 };
}
