import { keys } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { PolicyItem, RunItem, RunVolumeItem } from '#shared/model/policy-items.ts';
import {
  drillObjectiveOf,
  nextTicks,
  objectiveOf,
  type Policy,
  type PolicyRun,
  type RunVolume,
} from '#shared/model/policy.ts';

/** A policy as the API shows it. */
export function viewPolicy(policy: PolicyItem, now: Date): Policy {
  const { paused, deleting, intent, applied, applying: _applying, drillSince: _since, ...shown } = policy;
  const { drill, timezone } = policy;
  const [next] = paused || deleting ? [] : nextTicks(policy, now, 1);
  const [nextDrill] =
    drill === undefined || paused || deleting ? [] : nextTicks({ schedule: drill, timezone }, now, 1);
  const settled = paused ? 'paused' : 'active';
  return {
    ...shown,
    state: deleting ? 'deleting' : applied < intent ? 'pending' : settled,
    objectiveSeconds: objectiveOf(policy),
    ...(drill === undefined ? {} : { drillObjectiveSeconds: drillObjectiveOf(drill) }),
    ...(nextDrill === undefined ? {} : { nextDrill: nextDrill.toISOString() }),
    ...(next === undefined ? {} : { nextRun: next.toISOString() }),
  };
}

export function viewRun({ cursor: _cursor, slow: _slow, revision: _revision, ...shown }: RunItem): PolicyRun {
  return shown;
}

export function viewRunVolume({ runId: _runId, since: _since, ...shown }: RunVolumeItem): RunVolume {
  return shown;
}

export function etagOf({ revision }: { readonly revision: number }): string {
  return `"${revision}"`;
}

interface Shown<S extends number> {
  readonly status: S;
  readonly body: Policy;
  readonly headers: Readonly<Record<string, string>>;
}

export type PolicyAnswer = Shown<200>;
export type PolicyCreation = Shown<200> | Shown<201>;

export function showPolicy(policy: PolicyItem, now: Date): PolicyAnswer {
  return { status: 200, body: viewPolicy(policy, now), headers: { etag: etagOf(policy) } };
}

/** The policy of this name. @throws ProductError PolicyNotFound */
export async function findPolicy(table: Table, namespace: string, name: string): Promise<PolicyItem> {
  const claim = await table.read('policyName', keys.policyName(namespace, name));
  const policy = claim === undefined ? undefined : await table.read('policy', keys.policy(claim.policyId));
  if (policy !== undefined) return policy;
  throw new ProductError('PolicyNotFound', `There is no policy "${name}" in namespace "${namespace}".`, {
    value: name,
    hint: 'List the policies: hivemind backup policy ls.',
  });
}

/** A run of the policy. @throws ProductError RunNotFound */
export async function findRun(table: Table, policy: PolicyItem, id: string): Promise<RunItem> {
  const run = await table.read('run', keys.run(id));
  if (run !== undefined && run.policyId === policy.id) return run;
  throw new ProductError('RunNotFound', `Policy "${policy.name}" has no run "${id}".`, {
    value: id,
    hint: 'Finished runs are kept for 90 days.',
  });
}
