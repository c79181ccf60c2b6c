import { ProductError } from '#shared/model/errors.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { Log } from '#agent/log.ts';
import type { Engine } from '#agent/reconcile/engine.ts';
import type { Holds } from '#agent/reconcile/holds.ts';

export interface WithVolumePorts {
  readonly api: Pick<HostApi, 'release'>;
  readonly engine: Pick<Engine, 'serve' | 'retire' | 'volumes'>;
  readonly holds: Pick<Holds, 'add' | 'release'>;
  /** Aborted when the agent stops: mounts then stay as they are. */
  readonly stopping: AbortSignal;
  readonly log: Log;
}

/** A hold that no container bears out ends after a minute. */
const renewMs = 20_000;

/**
 * Has a volume mounted here while something is done with its files: like a container it claims the volume where this host
 * has not got it, under the lease. Afterwards it goes again unless a container uses it, and what this host did not have
 * before is given back.
 * @throws ProductError VolumeBusy naming who has it; Conflict when the name is another volume's by now; what `work` throws.
 */
export async function withVolume<T>(
  ports: WithVolumePorts,
  { name, volumeId, id }: { readonly name: string; readonly volumeId: string; readonly id: string },
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const { engine, holds, stopping } = ports;
  const hadIt = assigned(ports, volumeId) !== undefined;
  const hold = `task:${id}`;
  holds.add(name, hold);
  const renewal = setInterval(() => holds.add(name, hold), renewMs);
  try {
    const directory = await engine.serve(name);
    if (assigned(ports, volumeId) === undefined)
      throw new ProductError('Conflict', `"${name}" is another volume by now.`, { value: name });
    return await work(directory);
  } finally {
    clearInterval(renewal);
    if (!stopping.aborted) {
      holds.release(name, hold);
      await leave(ports, { name, volumeId, hadIt });
    }
  }
}

function assigned({ engine }: WithVolumePorts, volumeId: string) {
  return engine.volumes().find((one) => one.volumeId === volumeId);
}

/** What does not go now is the sweep's: the volume stays attached, idle, as after a container. */
async function leave(
  ports: WithVolumePorts,
  { name, volumeId, hadIt }: { name: string; volumeId: string; hadIt: boolean },
): Promise<void> {
  try {
    await ports.engine.retire(name);
    const left = assigned(ports, volumeId);
    if (!hadIt && left !== undefined) await ports.api.release(volumeId, left.epoch);
  } catch (error) {
    ports.log.info('kept after a task', { volume: name, error });
  }
}
