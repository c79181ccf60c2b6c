import { isDeepStrictEqual } from 'node:util';
import { replace } from '#shared/aws/table/writes.ts';
import type { PolicyItem } from '#shared/model/policy-items.ts';
import type { UpdatePolicy } from '#shared/model/policy.ts';
import { refuseUnusedHooks } from '#shared/model/rules-consistency.ts';
import { refuseMisfitEngine } from '#shared/model/rules-policy.ts';
import { refuseStale } from '#functions/volumes/if-match.ts';
import { commit, priorOf } from '#functions/volumes/intent.ts';
import type { Call } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { checkCopyTo, drillOf } from './create-policy.ts';
import { applyPolicy, newClaim, refuseClaimed } from './apply.ts';
import type { PolicyPorts } from './ports.ts';
import { findPolicy, showPolicy, type PolicyAnswer } from './view.ts';

/** @throws ProductError NotSupported; InvalidInput; PolicyNotFound; StaleRevision; OperationInProgress while another change is applied. */
export async function updatePolicy(
  ports: PolicyPorts,
  call: Call,
  { policy, update }: { readonly policy: string; readonly update: UpdatePolicy },
): Promise<PolicyAnswer> {
  refuseUnusedHooks(update);
  checkCopyTo(ports, update);
  const { copyTo, repository, ...settings } = update;
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  // Another consistency has no use for the hooks that were there, and hooks imply theirs.
  const { consistency, hooks } = update;
  const dropped = consistency === undefined || consistency === 'hooks' ? {} : { hooks: undefined };
  const implied = hooks === undefined ? {} : { consistency };
  const drilled = update.drill === undefined ? {} : { drill: drillOf(update) };
  return change(ports, call, {
    policy,
    change: (was) => {
      const next = withPlaces(
        { ...was, ...dropped, ...implied, ...given, ...drilled },
        { copyTo, repository },
      );
      if (ofEngine.some((setting) => update[setting] !== undefined)) refuseMisfitEngine(next);
      return sinceWhen(was, next, ports.clock());
    },
  });
}

/** What has to fit together. */
const ofEngine = ['engine', 'consistency', 'hooks', 'repository'] as const;

/** Null drops one, undefined leaves it as it was. */
function withPlaces(
  { copyTo: wasTo, repository: wasIn, ...policy }: PolicyItem,
  { copyTo = wasTo, repository = wasIn }: Pick<UpdatePolicy, 'copyTo' | 'repository'>,
): PolicyItem {
  return { ...policy, ...(copyTo && { copyTo }), ...(repository && { repository }) };
}

/** Ticks of another schedule or zone of drills than before are none of the past. */
function sinceWhen(was: PolicyItem, is: PolicyItem, now: Date): PolicyItem {
  const { drill, drillSince: _since, ...without } = is;
  if (drill === undefined) return without;
  const same = drill === was.drill && is.timezone === was.timezone;
  return same ? is : { ...is, drillSince: now.toISOString() };
}

/** Its schedule is switched off, or on again. The same again changes nothing. */
export async function pausePolicy(
  ports: PolicyPorts,
  call: Call,
  { policy, paused }: { readonly policy: string; readonly paused: boolean },
): Promise<PolicyAnswer> {
  return change(ports, call, { policy, change: (was) => ({ ...was, paused }) });
}

/** Its schedule and its alarm go, then the policy. Backups that it made stay, and nothing prunes them any more. */
export async function deletePolicy(
  ports: PolicyPorts,
  call: Call,
  { policy }: { readonly policy: string },
): Promise<PolicyAnswer> {
  return change(ports, call, { policy, change: (was) => ({ ...was, deleting: true }) });
}

interface Change {
  readonly policy: string;
  readonly change: (was: PolicyItem) => PolicyItem;
}

async function change(
  ports: PolicyPorts,
  call: Call,
  { policy: name, change }: Change,
): Promise<PolicyAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    const was = await findPolicy(ports.table, call.namespace, name);
    const { id: policyId, name: called, revision } = was;
    refuseStale({ called, revision, about: { policy: policyId } }, call.ifMatch);
    const wanted = change(was);
    const same = isDeepStrictEqual(wanted, was) && was.applied === was.intent;
    if (prior !== undefined || same) return showPolicy(was, ports.clock());
    refuseClaimed(was, ports.clock());
    const updatedAt = ports.clock().toISOString();
    const next: PolicyItem = { ...wanted, intent: was.intent + 1, applying: newClaim(ports), updatedAt };
    await commit(ports, call, { writes: [replace('policy', was, next)], subject: was.id, status: 200 });
    return showPolicy(await applyPolicy(ports, next), ports.clock());
  });
}
