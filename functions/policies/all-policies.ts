import { keys, partitions } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { PolicyItem } from '#shared/model/policy-items.ts';

/** Every policy of every namespace. */
export async function allPolicies(table: Table): Promise<PolicyItem[]> {
  const found: PolicyItem[] = [];
  for (let after: string | undefined; ;) {
    const query = { pk: partitions.allPolicies(), ...(after === undefined ? {} : { after }) };
    const page = await table.list('policyIndex', query);
    const wanted = page.items.map(({ policyId }) => keys.policy(policyId));
    found.push(...(await table.readMany('policy', wanted)));
    if (page.next === undefined) return found;
    after = page.next;
  }
}
