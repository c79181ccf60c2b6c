import { ProductError } from '#shared/model/errors.ts';
import type { CutTask } from '#shared/model/task.ts';
import { withConsistency } from '#agent/freeze/consistency.ts';
import type { FreezePorts } from '#agent/freeze/freezer.ts';
import { withHooks, type HookPorts } from '#agent/freeze/hooks.ts';
import type { HostApi } from '#agent/link/api.ts';
import type { Runner } from '#agent/reconcile/runner.ts';
import { hookRunOf, planHooks, type CutHookPorts } from './cut-hooks.ts';
import type { CutSeen } from './keep-manifest.ts';
import type { Performed } from './tasks.ts';

export interface CutPorts extends CutHookPorts, HookPorts {
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
 * Freezes a volume, has its snapshot made by one call that answers once it is cut, and thaws; between the hooks, if there
 * are any.
 * @throws ProductError Conflict where it is not mounted here any more; TimedOut when AWS was too slow for the freeze;
 *   CommandFailed or TimedOut of a hook.
 */
export async function cut(ports: CutPorts, task: CutTask): Promise<Performed> {
  const { api, freeze, runner, mounted } = ports;
  const { volumeId, operationId, epoch } = task;
  const { name, path } = await shown(ports, task);
  const { hooks, skipped } = await planHooks(ports, name, task.hooks);
  let frozenAt = new Date();
  const alone = <R>(work: () => Promise<R>): Promise<R> =>
    runner.run(name, 'cut', async () => {
      if ((await mounted(volumeId))?.path !== path) throw gone(volumeId);
      frozenAt = new Date();
      return work();
    });
  const plan = { hooks, freeze: { mountpoint: path }, alone };
  const done = await withConsistency({ ...ports, ...freeze }, plan, () => api.cut(operationId, epoch));
  const hookRuns = [...skipped, ...done.hooks.map(hookRunOf)];
  const seen = { root: path, frozenAt, mark: done.mark };
  return {
    result: {
      outcome: 'done',
      frozenMs: done.frozenMs,
      ...(hookRuns.length === 0 ? {} : { hookRuns }),
    },
    after: () => ports.keepManifest(task, seen),
  };
}

/**
 * After an agent that died in the middle of a cut: whatever the hook before it has held up goes on.
 * What goes wrong is logged.
 */
export async function endCut(ports: CutPorts, task: CutTask): Promise<void> {
  if (task.hooks?.after === undefined) return;
  try {
    const { name } = await shown(ports, task);
    const { after } = (await planHooks(ports, name, task.hooks)).hooks;
    if (after !== undefined) await withHooks(ports, { after }, () => Promise.resolve());
  } catch (error) {
    ports.log.warn('the hook after a cut', { operation: task.operationId, error });
  }
}

async function shown({ mounted }: CutPorts, { volumeId }: CutTask): Promise<{ name: string; path: string }> {
  const found = await mounted(volumeId);
  if (found === undefined) throw gone(volumeId);
  return found;
}

function gone(volumeId: string): ProductError {
  return new ProductError('Conflict', 'The volume is not mounted on this host any more.', {
    value: volumeId,
  });
}
