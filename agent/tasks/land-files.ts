import type { TransferReport } from '#shared/model/archive-transfer.ts';
import type { FillTask, ImportTask, TaskResult } from '#shared/model/task.ts';
import { PutBackError } from '#agent/archives/exchange.ts';
import type { LandingOptions } from '#agent/archives/land-tree.ts';
import { clearUnpack, settleUnpack, type UnpackResult } from '#agent/archives/staging.ts';
import type { Exec } from '#agent/host/exec.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { Runner } from '#agent/reconcile/runner.ts';
import { demandAlone, type AlonePorts } from './demand-alone.ts';
import { failedWith } from './tasks.ts';

export interface LandPorts extends AlonePorts {
  readonly api: Pick<HostApi, 'reportTask'>;
  readonly exec: Exec;
  /** What exchanges a volume's files runs one at a time, also where the control plane has given the one before up. */
  readonly runner: Pick<Runner, 'run'>;
  /** Aborted when the agent stops. */
  readonly stopping: AbortSignal;
}

interface Landing {
  readonly task: FillTask | ImportTask;
  /** Where the volume shows. */
  readonly target: string;
  /** Unpacks into the target, once it is known that this may be done. */
  readonly unpack: (options: LandingOptions) => Promise<UnpackResult>;
}

/**
 * Puts files into an empty volume, or in place of what is in it: all of them or none, and once.
 * @returns `asBefore` of what cannot be done, when it is sure that nothing has changed
 * @throws what settling or landing throws, after which the volume may hold either
 */
export function landFiles(ports: LandPorts, landing: Landing): Promise<TaskResult> {
  return alone(ports, landing.task.volumeId, () => land(ports, landing));
}

/** One thing at a time that changes what a volume holds as a whole. */
export function alone<T>(
  { runner }: Pick<LandPorts, 'runner'>,
  volumeId: string,
  job: () => Promise<T>,
): Promise<T> {
  return runner.run(`refill ${volumeId}`, 'refill', job);
}

async function land(ports: LandPorts, landing: Landing): Promise<TaskResult> {
  const { api, exec } = ports;
  const { task, target } = landing;
  const { operationId: id } = task;
  const landed = await settleUnpack(target, exec);
  const unpacked = landed?.id === id ? landed.result : await unpackOrAsBefore(ports, landing);
  if ('outcome' in unpacked) return unpacked;
  const result: TaskResult = { outcome: 'done', transfer: reportOf(unpacked.files, unpacked.warnings) };
  // Told before the note of it goes: after a crash in between it is not unpacked twice.
  await api.reportTask(id, result);
  await clearUnpack(target, exec);
  return result;
}

async function unpackOrAsBefore(
  ports: LandPorts,
  { task, target, unpack }: Landing,
): Promise<UnpackResult | TaskResult> {
  const { replace = false } = task;
  let landing = false;
  const onLanding = (): void => {
    landing = true;
  };
  try {
    if (replace) await demandAlone(ports, { ...task, directory: target });
    return await unpack({ replace, onLanding });
  } catch (error) {
    const isSure = !landing || error instanceof PutBackError;
    if (!isSure || ports.stopping.aborted) throw error;
    return { ...failedWith(error), asBefore: true };
  }
}

export function reportOf(files: number, notes: readonly string[]): TransferReport {
  return { files, notes: notes.slice(0, 100).map((note) => note.slice(0, 512)) };
}
