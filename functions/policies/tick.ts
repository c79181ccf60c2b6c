import * as z from 'zod';
import { keys } from '#shared/aws/table/keys.ts';
import { PolicyId } from '#shared/model/names.ts';
import { tickOf } from '#shared/model/policy.ts';
import type { RunStarter } from './ports.ts';
import { startRun } from './start-run.ts';

/** What EventBridge Scheduler delivers: at least once, and late at times. */
export const TickEvent = z.object({
  policyId: PolicyId,
  /** The time of the tick; where the scheduler did not fill it in, the time of the delivery stands for it. */
  scheduledAt: z.string(),
});
export type TickEvent = z.infer<typeof TickEvent>;

/**
 * Begins the run of a tick.
 * @returns the run's id; undefined when there is nothing to do: the policy is gone, paused, or has another schedule by now
 */
export async function tick(starter: RunStarter, event: TickEvent): Promise<string | undefined> {
  const policy = await starter.table.read('policy', keys.policy(event.policyId));
  const scheduled = new Date(event.scheduledAt);
  const delivered = Number.isNaN(scheduled.getTime()) ? starter.clock() : scheduled;
  const at = policy === undefined ? undefined : tickOf(policy, delivered);
  if (policy === undefined || at === undefined || policy.paused || policy.deleting) {
    starter.log.info('tick ignored', { ...event });
    return undefined;
  }
  const run = await startRun(starter, policy, {
    at,
    kind: 'backup',
    cause: 'scheduled',
    caller: 'hivemind:scheduler',
  });
  return run.id;
}
