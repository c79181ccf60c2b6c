import { keys } from '#shared/aws/table/keys.ts';
import { forgetPolicy } from '#shared/aws/table/policy-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { isProductError, ProductError } from '#shared/model/errors.ts';
import type { PolicyItem } from '#shared/model/policy-items.ts';
import { alarmsOf } from '#shared/model/metrics.ts';
import { parseSchedule, toEventBridge } from '#shared/model/schedule.ts';
import type { PolicyKeeper } from './ports.ts';

/*
 * State first, effect second, then confirm: a change is recorded together with the claim of who tells AWS of it; until
 * the claim's deadline and 5 s have passed nobody else calls AWS for this policy, so that a late call of an earlier change
 * never undoes a later one. What is never confirmed, `repairPolicies` finds.
 */

/** Longer than an invocation of the API lasts. */
const claimMs = 30_000;
const graceMs = 5_000;

type Claim = NonNullable<PolicyItem['applying']>;

/** Who tells AWS, and until when. */
export function newClaim({ clock, newId }: Pick<PolicyKeeper, 'clock' | 'newId'>): Claim {
  return { token: newId(), deadline: new Date(clock().getTime() + claimMs).toISOString() };
}

/** Whether somebody may be about to call AWS for the policy. */
export function isClaimed({ applying }: PolicyItem, now: Date): boolean {
  return applying !== undefined && Date.parse(applying.deadline) + graceMs > now.getTime();
}

/** @throws ProductError OperationInProgress while somebody else changes it in AWS */
export function refuseClaimed(policy: PolicyItem, now: Date): void {
  if (!isClaimed(policy, now)) return;
  throw new ProductError('OperationInProgress', `The policy "${policy.name}" is being changed.`, {
    value: policy.name,
    about: { policy: policy.id },
    hint: 'Repeat the call in half a minute.',
  });
}

/**
 * Tells AWS of a policy whose claim is the caller's, and confirms.
 * @returns the policy afterwards: unconfirmed where AWS did not take it; then `repairPolicies` goes on
 */
export async function applyPolicy(keeper: PolicyKeeper, claimed: PolicyItem): Promise<PolicyItem> {
  const policy = (await keeper.table.read('policy', keys.policy(claimed.id))) ?? claimed;
  if (policy.applying?.token !== claimed.applying?.token) return policy;
  try {
    await (policy.deleting ? takeDown(keeper, policy) : putUp(keeper, policy));
    return await confirm(keeper, policy);
  } catch (error) {
    if (!isProductError(error)) throw error;
    keeper.log.warn('policy not applied yet', { policy: policy.id, error });
    return policy;
  }
}

async function putUp({ schedules, alarms }: PolicyKeeper, policy: PolicyItem): Promise<void> {
  const { id, name, namespace, timezone, paused, schedule } = policy;
  await schedules.put({
    policyId: id,
    expression: toEventBridge(parseSchedule(schedule)),
    timezone,
    enabled: !paused,
    description: `Hivemind Volumes: backup policy ${namespace}/${name}`,
  });
  await alarms.put({ policyId: id, name, namespace }, alarmsOf(policy));
}

/** The schedule first: without it nothing new begins. */
async function takeDown({ schedules, alarms }: PolicyKeeper, { id }: PolicyItem): Promise<void> {
  await schedules.remove(id);
  await alarms.remove(id);
}

async function confirm({ table }: PolicyKeeper, policy: PolicyItem): Promise<PolicyItem> {
  if (policy.deleting) {
    await table.transact(forgetPolicy(policy));
    return policy;
  }
  const next: PolicyItem = { ...policy, applied: policy.intent, applying: undefined };
  await table.transact([replace('policy', policy, next)]);
  return { ...next, revision: policy.revision + 1 };
}
