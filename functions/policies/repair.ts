import { keys } from '#shared/aws/table/keys.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { isProductError } from '#shared/model/errors.ts';
import { alarmsOf, type PolicyAlarm } from '#shared/model/metrics.ts';
import { PolicyId } from '#shared/model/names.ts';
import type { PolicyItem } from '#shared/model/policy-items.ts';
import { allPolicies } from './all-policies.ts';
import { applyPolicy, isClaimed, newClaim } from './apply.ts';
import type { PolicyKeeper } from './ports.ts';

/**
 * Makes good what a crash left of policies' schedules and alarms: one that was never confirmed, is missing or is switched
 * on though the policy is paused, or the other way about; and one whose policy is gone.
 * @returns ids of the policies that were seen to
 */
export async function repairPolicies(keeper: PolicyKeeper): Promise<string[]> {
  const policies = await allPolicies(keeper.table);
  const schedules = await keeper.schedules.list();
  const alarms = await keeper.alarms.list();
  const seenTo: string[] = [];
  for (const policy of policies) {
    const { id, applied, intent, deleting, paused } = policy;
    const missing = schedules.get(id) !== !paused || !isSame(alarms.get(id), alarmsOf(policy));
    if (!(applied < intent || deleting || missing) || isClaimed(policy, keeper.clock())) continue;
    if (await reapply(keeper, policy)) seenTo.push(id);
  }
  const known = new Set(policies.map(({ id }) => id));
  const rest = [...schedules.keys(), ...alarms.keys()].filter((id) => !known.has(id));
  for (const id of new Set(rest)) if (await removeRest(keeper, id)) seenTo.push(id);
  if (seenTo.length > 0) keeper.log.warn('policies repaired', { policies: seenTo });
  return seenTo;
}

function isSame(there: ReadonlySet<PolicyAlarm> | undefined, wanted: readonly PolicyAlarm[]): boolean {
  return there?.size === wanted.length && wanted.every((alarm) => there.has(alarm));
}

/** False when somebody else changed it first: the next time sees. */
async function reapply(keeper: PolicyKeeper, policy: PolicyItem): Promise<boolean> {
  const next: PolicyItem = { ...policy, applying: newClaim(keeper) };
  try {
    await keeper.table.transact([replace('policy', policy, next)]);
  } catch (error) {
    if (isProductError(error, 'Conflict')) return false;
    throw error;
  }
  await applyPolicy(keeper, next);
  return true;
}

/** A policy is recorded before its schedule is made: what has no record now is the rest of one that is gone. */
async function removeRest({ table, schedules, alarms }: PolicyKeeper, id: string): Promise<boolean> {
  if (!PolicyId.safeParse(id).success) return false;
  if ((await table.read('policy', keys.policy(id))) !== undefined) return false;
  await schedules.remove(id);
  await alarms.remove(id);
  return true;
}
