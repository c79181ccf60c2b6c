import { randomUUID } from 'node:crypto';
import { ProductError } from '#shared/model/errors.ts';
import { isRunFinished, type PolicyRun } from '#shared/model/policy.ts';
import { oneName, parseDuration } from '../../arguments.ts';
import type { Context } from '../../context.ts';
import type { WaitFlags } from '../../operation/options.ts';
import { countsText } from '../../render/policy.ts';
import { printResult } from '../../render/result.ts';
import type { NameFlags } from './settings.ts';

const defaultTimeout = '1h';
const firstPause = 500;
const longestPause = 5_000;

/** Waits by default on a terminal only, as a backup does. */
export async function runPolicy(
  context: Context,
  flags: NameFlags & WaitFlags & { readonly drill?: true | undefined },
): Promise<void> {
  const { api, namespace, world } = context;
  const params = { namespace, policy: oneName(flags.positional, flags.name) };
  const headers = { 'idempotency-key': randomUUID() };
  const query = flags.drill === true ? ({ kind: 'drill' } as const) : {};
  const begun = (await api.call('runPolicy', { params, query, headers })).body;
  if (!(flags.wait ?? world.terminal.asks)) {
    const next = `See how it goes with: hivemind backup policy inspect ${begun.policy}`;
    return printResult(context, begun, `Run ${begun.id} has begun. ${next}`);
  }
  const run = await followRun(context, begun, flags.timeout ?? defaultTimeout);
  if (run.state === 'failed') throw await failureOf(context, run);
  printResult(context, run, `Run ${run.id} is done: ${countsText(run)}.`);
}

async function followRun(context: Context, begun: PolicyRun, timeout: string): Promise<PolicyRun> {
  const { api, namespace, world } = context;
  const params = { namespace, policy: begun.policy, run: begun.id };
  const deadline = world.now() + parseDuration(timeout);
  const progress = world.terminal.progress(`run ${begun.policy}`);
  let run = begun;
  for (let pause = firstPause; !isRunFinished(run.state); pause = Math.min(pause * 1.5, longestPause)) {
    progress.report(percentOf(run), `${run.state}: ${countsText(run)}`);
    if (world.now() >= deadline) {
      progress.failed(`run ${begun.policy}: not done`);
      throw new ProductError('TimedOut', `Run ${run.id} is not done after ${timeout}.`, {
        hint: `It goes on. See how with: hivemind backup policy inspect ${run.policy}`,
      });
    }
    await world.sleep(Math.min(pause, Math.max(0, deadline - world.now())));
    run = (await api.call('getPolicyRun', { params })).body;
  }
  progress.done(`run ${begun.policy}: ${run.state}`);
  return run;
}

/** How many volumes there are is known once all are begun. */
function percentOf({ state, counts }: PolicyRun): number {
  if (state === 'pruning' || state === 'copying') return 95;
  const done = counts.selected - counts.open;
  return state === 'collecting' && counts.selected > 0 ? Math.floor((90 * done) / counts.selected) : 0;
}

/** A few say what is wrong; the rest is a listing's. */
const shownFailures = 5;

async function failureOf({ api, namespace }: Context, run: PolicyRun): Promise<ProductError> {
  const params = { namespace, policy: run.policy, run: run.id };
  const query = { state: 'failed', limit: shownFailures } as const;
  const { items } = (await api.call('listRunVolumes', { params, query })).body;
  const named = items.map(({ volume, reason = 'it failed' }) => `${volume}: ${reason}`).join(' ');
  return new ProductError('StorageFailed', `Run ${run.id} has failed: ${countsText(run)}. ${named}`, {
    about: { run: run.id },
    hint: `Remove the reason, then: hivemind backup policy run ${run.policy}${run.kind === 'drill' ? ' --drill' : ''}`,
  });
}
