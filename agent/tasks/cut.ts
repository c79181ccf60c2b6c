import { ProductError } from '#shared/model/errors.ts';
import type { CutTask, TaskResult } from '#shared/model/task.ts';
import { withFrozen, type FreezePorts } from '#agent/freeze/freezer.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { Runner } from '#agent/reconcile/runner.ts';

export interface CutPorts {
  readonly api: Pick<HostApi, 'cut'>;
  readonly freeze: FreezePorts;
  /** One job at a time for a volume: nothing is unmounted under a freeze. */
  readonly runner: Runner;
  /** Name and mount point of a volume's filesystem where it is mounted here now. */
  readonly mounted: (volumeId: string) => Promise<{ name: string; path: string } | undefined>;
}

/**
 * Freezes a volume, has its snapshot made by one call that answers once it is cut, and thaws.
 * @throws ProductError Conflict where it is not mounted here any more; TimedOut when AWS was too slow for the freeze.
 */
export async function cut({ api, freeze, runner, mounted }: CutPorts, task: CutTask): Promise<TaskResult> {
  const { volumeId, operationId, epoch } = task;
  const shown = await mounted(volumeId);
  if (shown === undefined) throw gone(volumeId);
  return runner.run(shown.name, 'cut', async () => {
    const still = await mounted(volumeId);
    if (still === undefined) throw gone(volumeId);
    const { frozenMs } = await withFrozen(freeze, { mountpoint: still.path }, () =>
      api.cut(operationId, epoch),
    );
    return { outcome: 'done', frozenMs };
  });
}

function gone(volumeId: string): ProductError {
  return new ProductError('Conflict', 'The volume is not mounted on this host any more.', {
    value: volumeId,
  });
}
