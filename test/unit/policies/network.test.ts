import { expect, it } from 'vitest';
import { mountOnce, network } from '../backups/support/recovery-world.ts';
import { PolicyWorld } from './support/policy-world.ts';

async function worldWithNetwork(names: readonly string[]): Promise<PolicyWorld> {
  const world = await PolicyWorld.withVolumes([]);
  for (const name of names) {
    await world.run(await world.create(name, { ...network, labels: { backup: 'true' } }));
    await mountOnce(world, name);
  }
  return world;
}

it('a run makes one recovery point for all its network volumes, whatever consistency the policy asks of others', async () => {
  const world = await worldWithNetwork(['a', 'b', 'c']);
  await world.policy({ consistency: 'freeze' });
  expect(await world.runNow()).toMatchObject({
    state: 'succeeded',
    counts: { made: 3, failed: 0, skipped: 0 },
  });
  expect(world.recovery.begun.backups).toBe(1);
  const [backup] = await world.backupsOf('a');
  expect(backup).toMatchObject({ kind: 'recovery-point', consistency: 'none', pointInTime: false });
});

it('what a run prunes takes the recovery point with the last of its backups', async () => {
  const world = await worldWithNetwork(['a', 'b']);
  await world.policy({ retention: { last: 1 } });
  await world.runNow();
  const [first] = world.recovery.points.keys();
  world.pass(86_400);
  const second = await world.runNow();
  expect(second).toMatchObject({ state: 'succeeded', counts: { made: 2, pruned: 2 } });
  for (let turn = 0; turn < 60; turn++) {
    await world.workOperations();
    world.pass(5);
  }
  expect(world.recovery.begun.backups).toBe(2);
  expect(world.recovery.points.size).toBe(1);
  expect(world.recovery.points.has(first ?? '')).toBe(false);
  for (const name of ['a', 'b']) expect(await world.backupsOf(name)).toHaveLength(1);
});
