import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskResult, VerifyTask } from '#shared/model/task.ts';
import { holdDevice, type DevicePorts } from '#agent/drivers/ebs/hold-device.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { ObjectTransfer } from '#agent/link/objects.ts';
import type { Runner } from '#agent/reconcile/runner.ts';
import { readManifest, type ManifestReader } from '#agent/verify/manifest.ts';
import { verifyCopy, type VerifyPorts } from '#agent/verify/verify.ts';

export interface VerifyTaskPorts extends DevicePorts, Omit<VerifyPorts, 'blocks'> {
  readonly api: Pick<HostApi, 'manifest'>;
  readonly objects: ObjectTransfer;
  /** One at a time: reading a whole volume is enough for a host. */
  readonly runner: Runner;
  /** ROOT/manifests: where manifests lie while they are used. */
  readonly manifests: string;
}

/** Looks into the restored copy of a drill. It never formats, and writes nothing but what replaying the journal writes. */
export async function verify(ports: VerifyTaskPorts, task: VerifyTask): Promise<TaskResult> {
  return ports.runner.run('drill', 'verify', async (stopping) => {
    const device = await holdDevice(ports, task.serial);
    try {
      const report = await withManifest(ports, task, (manifest) =>
        verifyCopy(ports, {
          id: task.operationId,
          device: device.path,
          format: task.filesystem,
          manifest,
          check: checkOf(task),
          patienceMs: task.patienceSeconds * 1000,
          stopping,
        }),
      );
      return { outcome: 'done', verify: report };
    } finally {
      await device.close();
    }
  });
}

export function checkOf({ check }: Pick<VerifyTask, 'check'>) {
  return check === undefined ? undefined : { command: check.command, timeoutMs: check.timeoutSeconds * 1000 };
}

/** The backup's own manifest, while `work` runs; undefined where it has none. @throws StorageFailed of any other content */
export async function withManifest<T>(
  { api, objects, manifests }: Pick<VerifyTaskPorts, 'api' | 'objects' | 'manifests'>,
  { operationId, manifest }: Pick<VerifyTask, 'operationId' | 'manifest'>,
  work: (manifest: ManifestReader | undefined) => Promise<T>,
): Promise<T> {
  if (manifest === undefined) return work(undefined);
  await mkdir(manifests, { recursive: true, mode: 0o700 });
  const file = join(manifests, `${operationId}.read.gz`);
  try {
    await objects.get(await api.manifest(operationId, { want: 'read' }), file);
    return await work(await readManifest(file, manifest.sha256));
  } finally {
    await rm(file, { force: true });
  }
}
