import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FilesReport } from '#shared/model/repository.ts';
import type { RepositoryTask, ArchiveTask, FillTask, ForgetTask, TaskResult } from '#shared/model/task.ts';
import { PutBackError } from '#agent/archives/exchange.ts';
import {
  clearUnpack,
  openStaging,
  settleUnpack,
  type Landed,
  type Staging,
  type UnpackResult,
} from '#agent/archives/staging.ts';
import type { Exec } from '#agent/host/exec.ts';
import type { HostApi } from '#agent/link/api.ts';
import { removeEmpty } from '#agent/drivers/unmount.ts';
import { demandRestic } from '#agent/restic/find-restic.ts';
import { cacheName } from '#agent/restic/leftovers.ts';
import { Repository } from '#agent/restic/repository.ts';
import type { Runner } from '#agent/reconcile/runner.ts';
import { openSession } from '#agent/restic/session.ts';
import { directoriesOf, type Inodes } from '#agent/verify/archived.ts';
import { demandAlone, type AlonePorts } from './demand-alone.ts';
import { noteManifest, type CutSeen, type ManifestPorts } from './keep-manifest.ts';
import { failedWith, type Performed } from './tasks.ts';
import { withVolume, type WithVolumePorts } from './with-volume.ts';

/** What any task on a repository needs. */
export interface RepositoryPorts {
  readonly api: Pick<HostApi, 'grantRepository'>;
  /** ROOT/restic: its cache, and roots of its processes. */
  readonly resticFolder: string;
  /** Aborted when the agent stops. */
  readonly stopping: AbortSignal;
}

export interface ArchivePorts extends WithVolumePorts, Omit<AlonePorts, 'holds'>, RepositoryPorts {
  readonly holds: WithVolumePorts['holds'] & AlonePorts['holds'];
  readonly api: Pick<HostApi, 'release' | 'grantRepository' | 'reportTask'>;
  readonly exec: Exec;
  /** What exchanges a volume's files runs one at a time, also where the control plane has given the one before up. */
  readonly runner: Pick<Runner, 'run'>;
}

/**
 * Backs a volume's files up to its repository: once, however often it is begun.
 * @throws as `withVolume`; ProductError NotSupported where restic is not installed, CommandFailed with restic's words
 */
export async function archiveVolume(
  ports: ArchivePorts & ManifestPorts,
  task: ArchiveTask,
): Promise<Performed> {
  const { operationId: id, name, volumeId, path, backupId } = task;
  await demandRestic();
  return withVolume(ports, { name, volumeId, id }, async (directory) => {
    if (task.settle === true) await alone(ports, volumeId, () => settleUnpack(directory, ports.exec));
    const began = Date.now();
    const before = await directoriesOf(directory);
    const snapshot = await withRepository(ports, task, async (repository) => {
      await repository.open();
      return repository.backup({ backupId, name, directory, path });
    });
    // While the volume is still here. What changes meanwhile is not compared.
    const seen = filesSeen(snapshot, { began, before });
    const after = await noteManifest(ports, task, { root: directory, ...seen });
    return { result: { outcome: 'done', snapshot }, after };
  });
}

/** Clocks of file servers may be so far from this host's, in milliseconds. */
const clockMargin = 5_000;

/** What an archive is known to hold: what was not changed since shortly before restic began to read. */
function filesSeen(
  { snapshotId, at }: FilesReport,
  { began, before }: { readonly began: number; readonly before: Inodes },
): Pick<CutSeen, 'frozenAt' | 'files'> {
  const readAt = Date.parse(at);
  // Of a snapshot that an agent before this one had made: which directories there were then, nobody knows.
  const known = readAt >= began ? before : new Map<never, never>();
  return { frozenAt: new Date(readAt - clockMargin), files: { snapshotId, before: known } };
}

/**
 * Restores a snapshot into an empty volume, or in place of what is in it: all of it or nothing, and once.
 * @returns `asBefore` of a replacement that cannot be done, when it is sure that nothing has changed
 * @throws as {@link archiveVolume}; IllegalState when something is in a volume that should be empty
 */
export async function fillVolume(ports: ArchivePorts, task: FillTask): Promise<TaskResult> {
  const { operationId: id, name, volumeId } = task;
  await demandRestic();
  return withVolume(ports, { name, volumeId, id }, (target) =>
    alone(ports, volumeId, () => fill(ports, task, target)),
  );
}

function alone<T>({ runner }: ArchivePorts, volumeId: string, job: () => Promise<T>): Promise<T> {
  return runner.run(`refill ${volumeId}`, 'refill', job);
}

async function fill(ports: ArchivePorts, task: FillTask, target: string): Promise<TaskResult> {
  const { api, exec } = ports;
  const { operationId: id } = task;
  const landed = await settleUnpack(target, exec);
  const restored = landed?.id === id ? landed.result : await restoreTo(ports, task, target);
  if ('outcome' in restored) return restored;
  const { files, warnings } = restored;
  const notes = warnings.slice(0, 100).map((note) => note.slice(0, 512));
  const result: TaskResult = { outcome: 'done', transfer: { files, notes } };
  // Told before the note of it goes: after a crash in between it is not restored twice.
  await api.reportTask(id, result);
  await clearUnpack(target, exec);
  return result;
}

async function restoreTo(
  ports: ArchivePorts,
  task: FillTask,
  target: string,
): Promise<UnpackResult | TaskResult> {
  const { replace = false } = task;
  let staging: Staging | undefined;
  let landing = false;
  try {
    if (replace) await demandAlone(ports, { ...task, directory: target });
    staging = await openStaging(target, ports.exec, { replace });
    const { result, id } = await readInto(ports, task, join(staging.folder, 'tree'));
    landing = true;
    await staging.land({ id, result });
    return result;
  } catch (error) {
    // What had begun to land is finished by the next settling, never thrown away.
    if (landing && !(error instanceof PutBackError)) throw error;
    await staging?.discard();
    if (!replace || ports.stopping.aborted) throw error;
    return { ...failedWith(error), asBefore: true };
  }
}

async function readInto(ports: ArchivePorts, task: FillTask, directory: string): Promise<Landed> {
  const { operationId: id, path, snapshotId, files } = task;
  const warnings = await withRepository(ports, task, async (repository) => {
    await repository.unlock();
    return repository.restore(snapshotId, { directory, path });
  });
  const nothing = { directories: 0, symlinks: 0, bytes: 0, sha256: '', compressedBytes: 0, metadata: null };
  return { id, result: { ...nothing, files, warnings } };
}

/** Removes a backup's snapshot. @throws as {@link archiveVolume} */
export async function forgetSnapshot(ports: ArchivePorts, task: ForgetTask): Promise<TaskResult> {
  await demandRestic();
  return withRepository(ports, task, async (repository) => {
    // Nothing was ever made: there is nothing to remove.
    if (await repository.exists()) {
      await repository.unlock();
      await repository.forget(task.backupId, task.snapshotId);
      // The product's own bucket is the control plane's to clear.
      if (task.repository.other !== undefined) await repository.clear();
    }
    return { outcome: 'done' };
  });
}

/** With keys for this task's repository, which end with it. */
export async function withRepository<T>(
  { api, resticFolder, stopping }: RepositoryPorts,
  { operationId }: RepositoryTask,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  const places = { root: join(resticFolder, operationId), cache: join(resticFolder, cacheName) };
  for (const folder of [places.cache, places.root]) await mkdir(folder, { recursive: true, mode: 0o700 });
  const session = await openSession({ grant: (begin) => api.grantRepository(operationId, begin) });
  try {
    return await work(new Repository({ session, places, stopping }));
  } finally {
    await session.close();
    await removeEmpty(places.root);
  }
}
