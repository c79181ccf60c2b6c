import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CutTask } from '#shared/model/task.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { ObjectTransfer } from '#agent/link/objects.ts';
import type { Log } from '#agent/log.ts';
import { writeManifest, type Manifest, type ManifestSubject } from '#agent/verify/manifest.ts';

export interface ManifestPorts {
  readonly api: Pick<HostApi, 'manifest'>;
  readonly objects: ObjectTransfer;
  /** ROOT/manifests. */
  readonly manifests: string;
  readonly log: Log;
}

export type CutSeen = Pick<ManifestSubject, 'root' | 'frozenAt' | 'mark' | 'files'>;

/** After the thaw: writes down what the volume holds, for drills of this backup, and sends it. Never rejects. */
export async function keepManifest(ports: ManifestPorts, task: CutTask, seen: CutSeen): Promise<void> {
  const send = await noteManifest(ports, task, seen);
  await send();
}

/**
 * Writes down what the volume holds. A backup without it is as good; only its drills can compare less. So what goes wrong here
 * is logged.
 * @returns sends it, once it is reported that the backup is made
 */
export async function noteManifest(
  ports: ManifestPorts,
  { operationId, volumeId }: Pick<CutTask, 'operationId' | 'volumeId'>,
  seen: CutSeen,
): Promise<() => Promise<void>> {
  const file = join(ports.manifests, `${operationId}.write.gz`);
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      ports.log.warn('no manifest of this backup', { operation: operationId, error });
      await rm(file, { force: true });
    }
  };
  let manifest: Manifest | undefined;
  await attempt(async () => {
    await mkdir(ports.manifests, { recursive: true, mode: 0o700 });
    manifest = await writeManifest({ operationId, volumeId, ...seen }, file);
  });
  return () =>
    attempt(async () => {
      if (manifest === undefined) return;
      const signed = await ports.api.manifest(operationId, { want: 'write', manifest });
      await ports.objects.put(signed, file);
      await ports.api.manifest(operationId, { want: 'written', manifest });
      ports.log.info('manifest', { operation: operationId, ...manifest });
      await rm(file, { force: true });
    });
}
