import { isDeepStrictEqual } from 'node:util';
import { keys } from '#shared/aws/table/keys.ts';
import { createPolicy as createWrites } from '#shared/aws/table/policy-writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { PolicyItem } from '#shared/model/policy-items.ts';
import type { CreatePolicy } from '#shared/model/policy.ts';
import { refuseUnusedHooks } from '#shared/model/rules-consistency.ts';
import { refuseCopyTo } from '#shared/model/rules-copy.ts';
import { refuseMisfitEngine } from '#shared/model/rules-policy.ts';
import { commit, priorOf } from '#functions/volumes/intent.ts';
import type { Call } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { applyPolicy, newClaim } from './apply.ts';
import type { PolicyPorts } from './ports.ts';
import { showPolicy, type PolicyCreation } from './view.ts';

/**
 * Makes a policy with its schedule and its alarm.
 * @throws ProductError NotSupported for what this release does not have; InvalidInput for copies where there is no key, or of {@link refuseMisfitEngine}; NameTaken when a policy of this name has other
 *   settings.
 */
export async function createPolicy(
  ports: PolicyPorts,
  call: Call,
  request: CreatePolicy,
): Promise<PolicyCreation> {
  refuseUnusedHooks(request);
  refuseMisfitEngine(request);
  checkCopyTo(ports, request);
  return settle(async () => {
    const prior = await priorOf(ports, call);
    const there = await existing(ports, call.namespace, { id: prior?.subject, name: request.name });
    if (there !== undefined) return again(ports, request, there);
    const policy = policyOf(ports, call, request);
    await commit(ports, call, { writes: createWrites(policy), subject: policy.id, status: 201 });
    const applied = await applyPolicy(ports, policy);
    const { body, headers } = showPolicy(applied, ports.clock());
    const location = `/v1/namespaces/${call.namespace}/policies/${policy.name}`;
    return { status: 201, body, headers: { ...headers, location } };
  });
}

/** @throws ProductError InvalidInput for copies in a Region without a key */
export function checkCopyTo(
  { settings }: Pick<PolicyPorts, 'settings'>,
  { copyTo }: { readonly copyTo?: string | null | undefined },
): void {
  if (typeof copyTo === 'string')
    refuseCopyTo(copyTo, { home: settings.region, others: settings.copyRegions });
}

async function existing(
  { table }: PolicyPorts,
  namespace: string,
  { id, name }: { readonly id: string | undefined; readonly name: string },
): Promise<PolicyItem | undefined> {
  const policyId = id ?? (await table.read('policyName', keys.policyName(namespace, name)))?.policyId;
  return policyId === undefined ? undefined : table.read('policy', keys.policy(policyId));
}

const compared = [
  'name',
  'schedule',
  'timezone',
  'selector',
  'retention',
  'engine',
  'repository',
  'consistency',
  'hooks',
  'copyTo',
  'objective',
  'description',
  'drill',
] as const;

/** The same again gives the same policy. */
function again(ports: PolicyPorts, asked: CreatePolicy, policy: PolicyItem): PolicyCreation {
  const request = { ...asked, drill: drillOf(asked) };
  const other = compared.filter((setting) => !isDeepStrictEqual(request[setting], policy[setting]));
  if (other.length === 0 && !policy.deleting) return showPolicy(policy, ports.clock());
  const why = policy.deleting ? 'is being removed' : `has another ${other.join(', ')}`;
  throw new ProductError('NameTaken', `The policy "${policy.name}" ${why}.`, {
    value: policy.name,
    hint: policy.deleting
      ? 'Repeat the call in a minute.'
      : `Choose another name, or change it: hivemind backup policy update ${policy.name}.`,
  });
}

/** `off` is none. */
export function drillOf({ drill }: { readonly drill?: string | undefined }): string | undefined {
  return drill === 'off' ? undefined : drill;
}

function policyOf(ports: PolicyPorts, call: Call, request: CreatePolicy): PolicyItem {
  const { name, schedule, timezone, selector, retention, engine, repository } = request;
  const { consistency, hooks, copyTo, objective, description } = request;
  const drill = drillOf(request);
  const now = ports.clock().toISOString();
  return {
    id: `pol-${ports.newId()}`,
    namespace: call.namespace,
    name,
    schedule,
    timezone,
    selector,
    retention,
    engine,
    ...(repository === undefined ? {} : { repository }),
    consistency,
    hooks,
    ...(copyTo === undefined ? {} : { copyTo }),
    objective,
    description,
    ...(drill === undefined ? {} : { drill, drillSince: now }),
    paused: false,
    deleting: false,
    intent: 1,
    applied: 0,
    applying: newClaim(ports),
    createdAt: now,
    createdBy: call.caller.arn,
    updatedAt: now,
    revision: 1,
  };
}
