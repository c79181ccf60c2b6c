import { ProductError } from '#shared/model/errors.ts';
import type { CutTask } from '#shared/model/task.ts';
import { withFrozen, type FreezePorts } from '#agent/freeze/freezer.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { Runner } from '#agent/reconcile/runner.ts';
import type { CutSeen } from './keep-manifest.ts';
import type { Performed } from './tasks.ts';

export interface CutPorts {
  readonly api: Pick<HostApi, 'cut'>;
  readonly freeze: FreezePorts;
  /** One job at a time for a volume: nothing is unmounted under a freeze. */
  readonly runner: Runner;
  /** Name and mount point of a volume's filesystem where it is mounted here now. */
  readonly mounted: (volumeId: string) => Promise<{ name: string; path: string } | undefined>;
  /** Writes down what the volume holds, once the cut is reported. */
  readonly keepManifest: (task: CutTask, seen: CutSeen) => Promise<void>;
}

/**
 * Freezes a volume, has its snapshot made by one call that answers once it is cut, and thaws.
 * @throws ProductError Conflict where it is not mounted here any more; TimedOut when AWS was too slow for the freeze.
 */
export async function cut(ports: CutPorts, task: CutTask): Promise<Performed> {
  const { api, freeze, runner, mounted } = ports;
  const { volumeId, operationId, epoch } = task;
  const shown = await mounted(volumeId);
  if (shown === undefined) throw gone(volumeId);
  return runner.run(shown.name, 'cut', async () => {
    const still = await mounted(volumeId);
    if (still === undefined) throw gone(volumeId);
    const frozenAt = new Date();
    const { frozenMs, mark } = await withFrozen(freeze, { mountpoint: still.path }, () =>
      api.cut(operationId, epoch),
    );
    const seen = { root: still.path, frozenAt, mark };
    return { result: { outcome: 'done', frozenMs }, after: () => ports.keepManifest(task, seen) };
  });
}

function gone(volumeId: string): ProductError {
  return new ProductError('Conflict', 'The volume is not mounted on this host any more.', {
    value: volumeId,
  });
}
