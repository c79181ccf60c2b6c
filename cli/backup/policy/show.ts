import { oneName } from '../../arguments.ts';
import { everyPage, given } from '../../api/pages.ts';
import type { PolicyRun, RunKind } from '#shared/model/policy.ts';
import type { Context } from '../../context.ts';
import { printList } from '../../render/list.ts';
import { policyColumns, policyDetails } from '../../render/policy.ts';
import { printResult } from '../../render/result.ts';
import type { NameFlags } from './settings.ts';

export async function listPolicies(
  context: Context,
  flags: { readonly quiet?: true | undefined },
): Promise<void> {
  const { api, namespace, world } = context;
  const policies = await everyPage(async (cursor) => {
    const query = { ...given('cursor', cursor), limit: 1000 };
    return (await api.call('listPolicies', { params: { namespace }, query })).body;
  });
  await printList(context, policies, {
    quiet: flags.quiet === true ? ({ name }) => name : undefined,
    columns: policyColumns(world.now()),
  });
}

const shownRuns = 5;

export async function inspectPolicy(context: Context, flags: NameFlags): Promise<void> {
  const { api, namespace, world } = context;
  const params = { namespace, policy: oneName(flags.positional, flags.name) };
  const policy = (await api.call('getPolicy', { params })).body;
  const lastRuns = async (kind: RunKind): Promise<readonly PolicyRun[]> => {
    const query = { limit: shownRuns, kind };
    return (await api.call('listPolicyRuns', { params, query })).body.items;
  };
  const runs = await lastRuns('backup');
  const drillRuns = await lastRuns('drill');
  printResult(
    context,
    { ...policy, runs, drillRuns },
    policyDetails(policy, { runs, drillRuns }, world.now()),
  );
}
