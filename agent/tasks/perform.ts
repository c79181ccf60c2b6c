import { join } from 'node:path';
import type { HostTask } from '#shared/model/task.ts';
import { cut, endCut, type CutPorts } from './cut.ts';
import { archiveVolume, fillVolume, forgetSnapshot, type ArchivePorts } from './archive.ts';
import { extract, type ExtractTaskPorts } from './extract.ts';
import { extractFiles } from './extract-files.ts';
import { keepManifest, type ManifestPorts } from './keep-manifest.ts';
import { locate } from './locate.ts';
import { readArchive, type ReadArchivePorts } from './read-archive.ts';
import type { Performed } from './tasks.ts';
import { exportVolume, importVolume, type TransferPorts } from './transfer.ts';
import { verifyArchiveTask } from './verify-archive.ts';
import { verifyFilesTask } from './verify-files.ts';
import { verify, type VerifyTaskPorts } from './verify.ts';

export type PerformPorts = Omit<CutPorts, 'keepManifest'> &
  Omit<VerifyTaskPorts, 'directory' | 'manifests'> &
  Omit<ManifestPorts, 'manifests'> &
  Omit<ExtractTaskPorts, 'directory'> & {
    /** The agent's state folder. */
    readonly root: string;
    readonly transfer: TransferPorts;
    readonly archive: Omit<ArchivePorts & ReadArchivePorts, 'resticFolder'> & Pick<ManifestPorts, 'api'>;
  };

/** Where drills keep their mounts and files, below the agent's state folder. */
export function drillPlaces(root: string): { directory: string; manifests: string; drills: string } {
  return {
    directory: join(root, 'verify'),
    manifests: join(root, 'manifests'),
    drills: join(root, 'drills'),
  };
}

/** Where restic's cache is, and roots of its processes. */
export function resticFolder(root: string): string {
  return join(root, 'restic');
}

interface Performer {
  readonly perform: (task: HostTask) => Promise<Performed>;
  readonly end: (task: HostTask) => Promise<void>;
}

/** How each kind of task is done, and cleared up after where an earlier agent had begun it. */
export function performer(ports: PerformPorts): Performer {
  const placed = { ...ports, ...drillPlaces(ports.root) };
  const all = { ...placed, keepManifest: keepManifest.bind(undefined, placed) };
  const archive = { ...all, ...ports.archive, resticFolder: resticFolder(ports.root) };
  const { api, engine } = ports.transfer;
  const importing = { ...ports.transfer, ...ports.archive, api, engine };
  const perform = async (task: HostTask): Promise<Performed> => {
    switch (task.kind) {
      case 'cut':
        return cut(all, task);
      case 'locate':
        return { result: await locate({ ...ports, directory: join(ports.root, 'looks') }, task) };
      case 'export':
        return { result: await exportVolume(ports.transfer, task) };
      case 'import':
        return { result: await importVolume(importing, task) };
      case 'verify':
        return { result: await verify(all, task) };
      case 'extract':
        return { result: await extract(all, task) };
      case 'extract-files':
        return { result: await extractFiles(all, task) };
      case 'archive':
        return archiveVolume(archive, task);
      case 'fill':
        return { result: await fillVolume(archive, task) };
      case 'forget':
        return { result: await forgetSnapshot(archive, task) };
      case 'read-archive':
        return { result: await readArchive(archive, task) };
      case 'verify-files':
        return { result: await verifyFilesTask(all, task) };
      case 'verify-archive':
        return { result: await verifyArchiveTask(archive, task) };
    }
  };
  const end = (task: HostTask): Promise<void> =>
    task.kind === 'cut' ? endCut(all, task) : Promise.resolve();
  return { perform, end };
}
