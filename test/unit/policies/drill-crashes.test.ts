import { describe, expect, it } from 'vitest';
import { keys, partitions } from '#shared/aws/table/keys.ts';
import { runIdOf } from '#functions/policies/start-run.ts';
import { DrillingWorld } from './support/drilling.ts';
import { Kills, surviving, type Kill } from './support/kills.ts';

const at = new Date('2026-11-29T04:00:00Z');

/** Two volumes with a backup each; then a tick of drills, where the process of watch, run or API may be killed somewhere. */
async function drilled(kill?: Kill) {
  const kills = new Kills();
  const options = {
    useCaseStore: (store: Parameters<Kills['store']>[0]) => kills.store(store),
    around: (what: string, _by: unknown, perform: () => Promise<void>) => kills.during(what, perform),
  };
  const { world, policy } = await DrillingWorld.with(['a', 'b'], { options });
  world.policies.around = (effect, perform) => kills.during(effect, perform);
  await world.runNow();
  world.pass((at.getTime() - world.clock().getTime()) / 1_000 - 120);
  await world.watch();
  world.pass(300);
  await world.heard();
  kills.begin(kill);
  const runId = runIdOf(policy, { at, kind: 'drill' });
  for (let count = 0; count < 2; count++) await surviving(() => world.watch());
  // The state machine calls again after a crash, and the sweeper starts what nobody has started.
  for (let count = 0; count < 5; count++) await surviving(() => world.carryOut(runId, 300));
  for (let count = 0; count < 60; count++) {
    await world.workOperations();
    world.pass(2);
  }
  return { world, kills, run: await world.runOf(runId) };
}

describe('a run of drills', async () => {
  const { seen } = (await drilled()).kills;
  const kills = seen.flatMap((what, at) =>
    (['before', 'after'] as const).map((when) => ({ at, when, what })),
  );

  it('has effects to be killed at: the watch, the run, both drills', () => {
    expect(seen).toContain('startRun');
    expect(seen.filter((what) => what === 'start')).toHaveLength(2);
  });

  it.each(kills)(
    'killed $when $what comes to its end, drills each volume once, leaves nothing',
    async (kill) => {
      const { world, kills: recorded, run } = await drilled(kill);
      expect(recorded.happened).toBe(true);
      expect(run).toMatchObject({ state: 'succeeded', counts: { selected: 2, open: 0, made: 2, failed: 0 } });
      const { items } = await world.table.list('operationIndex', { pk: partitions.operations('default') });
      const operations = await world.table.readMany(
        'operation',
        items.map(({ operationId }) => keys.operation(operationId)),
      );
      const drills = operations.filter(({ kind }) => kind === 'drill');
      expect(drills.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
      const alive = [...world.storage.truth.volumes.values()].filter(({ state }) => state !== 'deleting');
      expect(alive).toHaveLength(2);
      for (const name of ['a', 'b']) {
        const [backup] = await world.backupsOf(name);
        expect(backup).toMatchObject({ drill: { outcome: 'passed' }, users: [] });
      }
    },
  );
});
