import { randomUUID } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import type { TransferReport } from '#shared/model/archive-transfer.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { ExportTask, ImportTask, TaskResult } from '#shared/model/task.ts';
import { downloadArchive } from '#agent/archives/download.ts';
import { clearUnpack } from '#agent/archives/staging.ts';
import { uploadArchive } from '#agent/archives/upload.ts';
import type { Exec } from '#agent/host/exec.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { Engine } from '#agent/reconcile/engine.ts';
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

/**
 * Fetches an archive and unpacks it into the empty volume: all of it or nothing, and once.
 * @throws as `withVolume` and `downloadArchive`
 */
export async function importVolume(ports: TransferPorts, task: ImportTask): Promise<TaskResult> {
  const { api, exec, stopping } = ports;
  const { operationId: id, name, volumeId } = task;
  return withVolume(ports, { name, volumeId, id }, async (target) => {
    await demandUnused(ports, task);
    const { sizeBytes, sha256 } = await api.importSource(id);
    const url = async (): Promise<string> => (await api.importSource(id)).url;
    const options = { id, target, exec, url, sizeBytes, sha256, signal: stopping };
    const { files, warnings } = await downloadArchive(options);
    const result: TaskResult = { outcome: 'done', transfer: reportOf(files, warnings) };
    // Told before the note of it goes: after a crash in between it is not unpacked twice.
    await api.reportTask(id, result);
    await clearUnpack(target, exec);
    return result;
  });
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

export function reportOf(files: number, notes: readonly string[]): TransferReport {
  return { files, notes: notes.slice(0, 100).map((note) => note.slice(0, 512)) };
}

/** Of the filesystem: more than the volume has where it shares one. */
async function usedBytes(directory: string): Promise<number> {
  const { blocks, bfree, bsize } = await statfs(directory);
  return (blocks - bfree) * bsize;
}
