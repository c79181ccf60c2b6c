import { randomUUID } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { ProductError } from '#shared/model/errors.ts';
import type { ExportTask, ImportTask, TaskResult } from '#shared/model/task.ts';
import { downloadArchive } from '#agent/archives/download.ts';
import type { LandingOptions } from '#agent/archives/land-tree.ts';
import type { UnpackResult } from '#agent/archives/staging.ts';
import { uploadArchive } from '#agent/archives/upload.ts';
import type { Exec } from '#agent/host/exec.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { Engine } from '#agent/reconcile/engine.ts';
import { landFiles, reportOf, type LandPorts } from './land-files.ts';
import { withVolume, type WithVolumePorts } from './with-volume.ts';

export interface TransferPorts extends WithVolumePorts {
  readonly engine: WithVolumePorts['engine'] & Pick<Engine, 'observe'>;
  readonly api: Pick<
    HostApi,
    'release' | 'signExportParts' | 'completeExport' | 'importSource' | 'reportTask'
  >;
  readonly exec: Exec;
}

/**
 * Packs a volume's files and sends them, as they come. Repeated after a crash it begins again: an upload of its own.
 * @throws as `withVolume` and `uploadArchive`
 */
export async function exportVolume(ports: TransferPorts, task: ExportTask): Promise<TaskResult> {
  const { api, stopping } = ports;
  const { operationId: id, name, volumeId, metadata } = task;
  return withVolume(ports, { name, volumeId, id }, async (directory) => {
    const attempt = randomUUID();
    const sent = await uploadArchive({
      directory,
      metadata,
      expectedBytes: await usedBytes(directory),
      urls: (parts) => api.signExportParts(id, { attempt, parts: [...parts] }),
      signal: stopping,
    });
    const { parts, sizeBytes, sha256, packed } = sent;
    await api.completeExport(id, { attempt, parts: [...parts], sizeBytes, sha256 });
    const notes = [
      ...packed.changed.map((path) => `changed while it was read: ${path}`),
      ...packed.skipped.map((path) => `left out: ${path}`),
    ];
    return { outcome: 'done', transfer: reportOf(packed.files, notes) };
  });
}

export interface ImportPorts extends TransferPorts, Omit<LandPorts, 'api' | 'holds'> {
  readonly holds: WithVolumePorts['holds'] & LandPorts['holds'];
}

/**
 * Fetches an archive and unpacks it into the empty volume, or in place of what is in it.
 * @throws as `withVolume`, `landFiles` and `downloadArchive`
 */
export async function importVolume(ports: ImportPorts, task: ImportTask): Promise<TaskResult> {
  const { operationId: id, name, volumeId } = task;
  return withVolume(ports, { name, volumeId, id }, (target) =>
    landFiles(ports, { task, target, unpack: (options) => download(ports, task, { target, ...options }) }),
  );
}

async function download(
  ports: ImportPorts,
  task: ImportTask,
  into: LandingOptions & { readonly target: string },
): Promise<UnpackResult> {
  const { api, exec, stopping } = ports;
  const { operationId: id, replace = false } = task;
  if (!replace) await demandUnused(ports, task);
  const { sizeBytes, sha256 } = await api.importSource(id);
  const url = async (): Promise<string> => (await api.importSource(id)).url;
  return downloadArchive({ ...into, id, exec, url, sizeBytes, sha256, signal: stopping });
}

/** The control plane knows containers as of the last report: here is what Docker says now. */
async function demandUnused({ engine }: TransferPorts, { volumeId, name }: ImportTask): Promise<void> {
  const { containers = [] } = (await engine.observe()).find((one) => one.volumeId === volumeId) ?? {};
  if (containers.length === 0) return;
  throw new ProductError('VolumeBusy', `"${name}" is in use by containers: ${containers.join(', ')}.`, {
    value: name,
    about: { containers: containers.join(',') },
    hint: 'Stop the containers, or restore to another name.',
  });
}

/** Of the filesystem: more than the volume has where it shares one. */
async function usedBytes(directory: string): Promise<number> {
  const { blocks, bfree, bsize } = await statfs(directory);
  return (blocks - bfree) * bsize;
}
