import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CutTask } from '#shared/model/task.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { ObjectTransfer } from '#agent/link/objects.ts';
import type { Log } from '#agent/log.ts';
import { writeManifest, type ManifestSubject } from '#agent/verify/manifest.ts';

export interface ManifestPorts {
  readonly api: Pick<HostApi, 'manifest'>;
  readonly objects: ObjectTransfer;
  /** ROOT/manifests. */
  readonly manifests: string;
  readonly log: Log;
}

export type CutSeen = Pick<ManifestSubject, 'root' | 'frozenAt' | 'mark'>;

/**
 * After the thaw: writes down what the volume holds, for drills of this backup. A backup without it is as good; only its drills
 * can compare less. So what goes wrong here is logged.
 */
export async function keepManifest(ports: ManifestPorts, task: CutTask, seen: CutSeen): Promise<void> {
  const { operationId, volumeId } = task;
  const file = join(ports.manifests, `${operationId}.write.gz`);
  try {
    await mkdir(ports.manifests, { recursive: true, mode: 0o700 });
    const manifest = await writeManifest({ operationId, volumeId, ...seen }, file);
    const signed = await ports.api.manifest(operationId, { want: 'write', manifest });
    await ports.objects.put(signed, file);
    await ports.api.manifest(operationId, { want: 'written', manifest });
    ports.log.info('manifest', { operation: operationId, ...manifest });
  } catch (error) {
    ports.log.warn('no manifest of this backup', { operation: operationId, error });
  } finally {
    await rm(file, { force: true });
  }
}
