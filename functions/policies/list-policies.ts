import { keys, partitions, prefixes } from '#shared/aws/table/keys.ts';
import type { PolicyRun, Policy, RunKind, RunVolume } from '#shared/model/policy.ts';
import { collectPage, type Page } from '#functions/volumes/collect-page.ts';
import { defaultPageSize } from '#functions/volumes/list-volumes.ts';
import type { PolicyPorts } from './ports.ts';
import { findPolicy, findRun, viewPolicy, viewRun, viewRunVolume } from './view.ts';

interface Paging {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** One page of a namespace's policies by name. */
export async function listPolicies(
  { table, clock }: PolicyPorts,
  namespace: string,
  { limit = defaultPageSize, cursor }: Paging,
): Promise<Page<Policy>> {
  return collectPage({
    pk: partitions.policies(namespace),
    limit,
    cursor,
    list: (asked) => table.list('policyName', asked),
    sortKey: ({ name }) => name,
    show: async (rows) => {
      const found = await table.readMany(
        'policy',
        rows.map(({ policyId }) => keys.policy(policyId)),
      );
      const shown = new Map(found.map((policy) => [policy.id, viewPolicy(policy, clock())]));
      return rows.map(({ policyId }) => shown.get(policyId));
    },
  });
}

/** One page of a policy's runs of one kind, newest first. */
export async function listRuns(
  { table }: PolicyPorts,
  on: { readonly namespace: string; readonly policy: string },
  { limit = defaultPageSize, cursor, kind = 'backup' }: Paging & { readonly kind?: RunKind | undefined },
): Promise<Page<PolicyRun>> {
  const prefix = kind === 'drill' ? prefixes.drillRun : prefixes.run;
  const policy = await findPolicy(table, on.namespace, on.policy);
  return collectPage({
    pk: partitions.policy(policy.id),
    reverse: true,
    limit,
    cursor,
    list: (asked) => table.list('run', { ...asked, prefix }),
    sortKey: ({ id }) => keys.run(id).sk,
    show: (rows) => Promise.resolve(rows.map(viewRun)),
  });
}

/** One page of what a run did about each volume; what is still open comes last. */
export async function listRunVolumes(
  { table }: PolicyPorts,
  on: { readonly namespace: string; readonly policy: string; readonly run: string },
  { limit = defaultPageSize, cursor, state }: Paging & { readonly state?: RunVolume['state'] | undefined },
): Promise<Page<RunVolume>> {
  const run = await findRun(table, await findPolicy(table, on.namespace, on.policy), on.run);
  return collectPage({
    pk: partitions.run(run.id),
    limit,
    cursor,
    list: (asked) => table.list('runVolume', asked),
    sortKey: (row) => keys.runVolume(row.runId, row.volumeId, isOpen(row)).sk,
    show: (rows) =>
      Promise.resolve(
        rows.map((row) => (state === undefined || row.state === state ? viewRunVolume(row) : undefined)),
      ),
  });
}

export function isOpen({ state }: Pick<RunVolume, 'state'>): boolean {
  return state === 'waiting' || state === 'begun';
}
