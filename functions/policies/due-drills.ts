import { keys } from '#shared/aws/table/keys.ts';
import type { PolicyItem } from '#shared/model/policy-items.ts';
import { drillTickOf } from '#shared/model/policy.ts';
import type { RunStarter } from './ports.ts';
import { runIdOf, startRun } from './start-run.ts';

/**
 * Begins the drills of policies whose time has come. Called every few minutes: a run is named by its tick, so that each is
 * begun once, and one that was missed is made good.
 * @returns ids of the runs that were begun
 */
export async function beginDueDrills(
  starter: RunStarter,
  policies: readonly PolicyItem[],
): Promise<string[]> {
  const begun: string[] = [];
  for (const policy of policies) {
    const at = drillTickOf(policy, starter.clock());
    if (at === undefined) continue;
    try {
      const id = runIdOf(policy, { at, kind: 'drill' });
      if ((await starter.table.read('run', keys.run(id))) !== undefined) continue;
      const tick = { at, kind: 'drill', cause: 'scheduled', caller: 'hivemind:watch' } as const;
      begun.push((await startRun(starter, policy, tick)).id);
    } catch (error) {
      // The next watch tries again.
      starter.log.error('drills not begun', { policy: policy.id, error });
    }
  }
  return begun;
}
