import { keys } from '#shared/aws/table/keys.ts';
import { create } from '#shared/aws/table/writes.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { PolicyItem, RunItem } from '#shared/model/policy-items.ts';
import type { PolicyRun, RunKind } from '#shared/model/policy.ts';
import type { RunStarter } from './ports.ts';

/** What begins a run. */
export interface Tick {
  /** The tick that it belongs to, or the moment at which somebody asked. */
  readonly at: Date;
  readonly kind: RunKind;
  readonly cause: PolicyRun['cause'];
  readonly caller: string;
}

/** Of one policy and one moment: a second delivery of a tick has the same. */
export function runIdOf({ id }: Pick<PolicyItem, 'id'>, { at, kind }: Pick<Tick, 'at' | 'kind'>): string {
  const time = at.toISOString().replaceAll(/[-:.]/g, '');
  return `run-${id.slice('pol-'.length)}-${time}${kind === 'drill' ? '-drill' : ''}`;
}

/**
 * Begins the policy's run of a moment; one that was begun before is given as it is. Its execution is started by its name,
 * which can be done again: what crashed in between is made good by a second delivery, or by the sweeper.
 */
export async function startRun(starter: RunStarter, policy: PolicyItem, tick: Tick): Promise<RunItem> {
  const run = newRun(policy, tick, starter.clock());
  const there = await recorded(starter, run);
  try {
    await starter.runs.start(there.id, there);
  } catch (error) {
    starter.log.warn('run not started yet', { run: there.id, error });
  }
  return there;
}

async function recorded({ table }: RunStarter, run: RunItem): Promise<RunItem> {
  try {
    await table.transact([create('run', run)]);
    return run;
  } catch (error) {
    const there = await table.read('run', keys.run(run.id));
    if (there === undefined || !isProductError(error, 'Conflict')) throw error;
    return there;
  }
}

function newRun({ id, name, namespace }: PolicyItem, tick: Tick, now: Date): RunItem {
  const { at, kind, cause, caller } = tick;
  return {
    id: runIdOf({ id }, tick),
    policyId: id,
    policy: name,
    namespace,
    kind,
    at: at.toISOString(),
    cause,
    state: 'beginning',
    counts: { selected: 0, open: 0, made: 0, failed: 0, skipped: 0, pruned: 0 },
    slow: 0,
    caller,
    startedAt: now.toISOString(),
    revision: 1,
  };
}
