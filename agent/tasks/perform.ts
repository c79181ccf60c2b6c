import { join } from 'node:path';
import type { HostTask } from '#shared/model/task.ts';
import { cut, type CutPorts } from './cut.ts';
import { extract, type ExtractTaskPorts } from './extract.ts';
import { keepManifest, type ManifestPorts } from './keep-manifest.ts';
import { locate } from './locate.ts';
import type { Performed } from './tasks.ts';
import { exportVolume, importVolume, type TransferPorts } from './transfer.ts';
import { verify, type VerifyTaskPorts } from './verify.ts';

export type PerformPorts = Omit<CutPorts, 'keepManifest'> &
  Omit<VerifyTaskPorts, 'directory' | 'manifests'> &
  Omit<ManifestPorts, 'manifests'> &
  Omit<ExtractTaskPorts, 'directory'> & {
    /** The agent's state folder. */
    readonly root: string;
    readonly transfer: TransferPorts;
  };

/** Where drills keep their mounts and files, below the agent's state folder. */
export function drillPlaces(root: string): { directory: string; manifests: string } {
  return { directory: join(root, 'verify'), manifests: join(root, 'manifests') };
}

/** How each kind of task is done. */
export function performer(ports: PerformPorts): (task: HostTask) => Promise<Performed> {
  const placed = { ...ports, ...drillPlaces(ports.root) };
  const all = { ...placed, keepManifest: keepManifest.bind(undefined, placed) };
  return async (task) => {
    switch (task.kind) {
      case 'cut':
        return cut(all, task);
      case 'locate':
        return { result: await locate({ ...ports, directory: join(ports.root, 'looks') }, task) };
      case 'export':
        return { result: await exportVolume(ports.transfer, task) };
      case 'import':
        return { result: await importVolume(ports.transfer, task) };
      case 'verify':
        return { result: await verify(all, task) };
      case 'extract':
        return { result: await extract(all, task) };
    }
  };
}
