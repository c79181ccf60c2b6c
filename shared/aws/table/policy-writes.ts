import type { PolicyItem } from '#shared/model/policy-items.ts';
import { create, discard, put, remove, type Write } from './writes.ts';

/** Writes of policies that belong together. Each returns the parts of one transaction. */

function nameOf({ namespace, name, id }: PolicyItem) {
  return { namespace, name, policyId: id };
}

/** A policy with its name and its entry among all. Loses on `policyName` when the name is taken. */
export function createPolicy(policy: PolicyItem): Write[] {
  return [
    create('policyName', nameOf(policy)),
    create('policy', policy),
    put('policyIndex', { policyId: policy.id }),
  ];
}

/** The end of a policy: nothing of it stays but its runs and its backups. */
export function forgetPolicy(policy: PolicyItem): Write[] {
  return [
    remove('policyName', nameOf(policy)),
    remove('policy', policy),
    discard('policyIndex', { policyId: policy.id }),
  ];
}
