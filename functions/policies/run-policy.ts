import { keys } from '#shared/aws/table/keys.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { RunItem } from '#shared/model/policy-items.ts';
import type { PolicyRun, RunKind } from '#shared/model/policy.ts';
import { commit, priorOf } from '#functions/volumes/intent.ts';
import type { Call } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import type { PolicyPorts } from './ports.ts';
import { runIdOf, startRun } from './start-run.ts';
import { findPolicy, viewRun } from './view.ts';

export interface RunAnswer {
  readonly status: 202;
  readonly body: PolicyRun;
  readonly headers: Readonly<Record<string, string>>;
}

/** Runs a policy's backups or its drills now, also of a paused one. @throws ProductError PolicyNotFound; IllegalState for one that is being removed. */
export async function runPolicy(
  ports: PolicyPorts,
  call: Call,
  { policy: name, kind = 'backup' }: { readonly policy: string; readonly kind?: RunKind | undefined },
): Promise<RunAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    const policy = await findPolicy(ports.table, call.namespace, name);
    const before = prior === undefined ? undefined : await ports.table.read('run', keys.run(prior.subject));
    if (before !== undefined) return show(before);
    if (policy.deleting)
      throw new ProductError('IllegalState', `The policy "${name}" is being removed.`, { value: name });
    const at = ports.clock();
    // The receipt first: a repeat that finds it and no run begins the run of that very moment.
    const moment = prior === undefined ? at : momentOf(prior.subject);
    if (prior === undefined)
      await commit(ports, call, { writes: [], subject: runIdOf(policy, { at, kind }), status: 202 });
    const tick = { at: moment, kind, cause: 'manual', caller: call.caller.arn } as const;
    return show(await startRun(ports, policy, tick));
  });
}

/** "run-…-20261130T020000000Z" -> that time. */
function momentOf(runId: string): Date {
  const [, , time = ''] = runId.split('-');
  return new Date(time.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\d)(\d{3}Z)$/, '$1-$2-$3:$4:$5.$6'));
}

function show(run: RunItem): RunAnswer {
  const location = `/v1/namespaces/${run.namespace}/policies/${run.policy}/runs/${run.id}`;
  return { status: 202, body: viewRun(run), headers: { location } };
}
