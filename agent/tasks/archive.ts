import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FilesReport } from '#shared/model/repository.ts';
import type { RepositoryTask, ArchiveTask, FillTask, ForgetTask, TaskResult } from '#shared/model/task.ts';
import { landTree } from '#agent/archives/land-tree.ts';
import { contentOf, settleUnpack, type Landed } from '#agent/archives/staging.ts';
import type { HostApi } from '#agent/link/api.ts';
import { removeEmpty } from '#agent/drivers/unmount.ts';
import { demandRestic } from '#agent/restic/find-restic.ts';
import { cacheName } from '#agent/restic/leftovers.ts';
import { Repository } from '#agent/restic/repository.ts';
import { openSession } from '#agent/restic/session.ts';
import { directoriesOf, type Inodes } from '#agent/verify/archived.ts';
import { noteManifest, type CutSeen, type ManifestPorts } from './keep-manifest.ts';
import { alone, landFiles, type LandPorts } from './land-files.ts';
import type { Performed } from './tasks.ts';
import { withVolume, type WithVolumePorts } from './with-volume.ts';

/** What any task on a repository needs. */
export interface RepositoryPorts {
  readonly api: Pick<HostApi, 'grantRepository'>;
  /** ROOT/restic: its cache, and roots of its processes. */
  readonly resticFolder: string;
  /** Aborted when the agent stops. */
  readonly stopping: AbortSignal;
}

export interface ArchivePorts extends WithVolumePorts, Omit<LandPorts, 'holds'>, RepositoryPorts {
  readonly holds: WithVolumePorts['holds'] & LandPorts['holds'];
  readonly api: Pick<HostApi, 'release' | 'grantRepository' | 'reportTask'>;
}

/**
 * Backs a volume's files up to its repository: once, however often it is begun.
 * @throws as `withVolume`; ProductError NotSupported where restic is not installed, CommandFailed with restic's words
 */
export async function archiveVolume(
  ports: ArchivePorts & ManifestPorts,
  task: ArchiveTask,
): Promise<Performed> {
  const { operationId: id, name, volumeId, path, backupId, settle = false } = task;
  if (!settle) await demandRestic();
  return withVolume(ports, { name, volumeId, id }, async (directory) => {
    if (settle) await alone(ports, volumeId, () => settleUnpack(directory, ports.exec));
    const isEmpty = settle && (await contentOf(directory)).length === 0; // guard: guard-unless-empty off: const isEmpty = settle;
    if (isEmpty) return { result: { outcome: 'done', empty: true } };
    await demandRestic();
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
 * Restores a snapshot into an empty volume, or in place of what is in it.
 * @throws as {@link archiveVolume} and `landFiles`
 */
export async function fillVolume(ports: ArchivePorts, task: FillTask): Promise<TaskResult> {
  const { operationId: id, name, volumeId } = task;
  const { exec } = ports;
  await demandRestic();
  return withVolume(ports, { name, volumeId, id }, (target) =>
    landFiles(ports, {
      task,
      target,
      unpack: (options) =>
        landTree({ target, exec, ...options }, (folder) => readInto(ports, task, join(folder, 'tree'))),
    }),
  );
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
    if (await repository.unlock()) {
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
