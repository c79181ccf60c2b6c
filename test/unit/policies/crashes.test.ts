import { describe, expect, it } from 'vitest';
import { CreatePolicy, UpdatePolicy } from '#shared/model/policy.ts';
import { parseSchedule, toEventBridge } from '#shared/model/schedule.ts';
import { allPolicies } from '#functions/policies/all-policies.ts';
import { deletePolicy, pausePolicy, updatePolicy } from '#functions/policies/change-policy.ts';
import { createPolicy } from '#functions/policies/create-policy.ts';
import { repairPolicies } from '#functions/policies/repair.ts';
import { abroad, call } from '#test/unit/workers/support/world.ts';
import { Kills, surviving, type Kill } from './support/kills.ts';
import { PolicyWorld } from './support/policy-world.ts';

/** A world in which the API's process can be killed before and after each effect. */
async function killable(volumes: readonly string[] = []): Promise<{ world: PolicyWorld; kills: Kills }> {
  const kills = new Kills();
  const world = await PolicyWorld.withVolumes(volumes, {
    useCaseStore: (store) => kills.store(store),
    around: (what, _by, perform) => kills.during(what, perform),
  });
  world.policies.around = (effect, perform) => kills.during(effect, perform);
  return { world, kills };
}

/** All kills of some work, found by carrying it out once. */
async function killsOf(seen: Promise<readonly string[]>): Promise<(Kill & { what: string })[]> {
  const effects = await seen;
  return effects.flatMap((what, at) => (['before', 'after'] as const).map((when) => ({ at, when, what })));
}

const body = CreatePolicy.parse({ name: 'nightly', schedule: '0 2 * * *', selector: 'backup=true' });
const changes = {
  create: (world: PolicyWorld) => createPolicy(world.ports, call(), body),
  update: (world: PolicyWorld) =>
    updatePolicy(world.ports, call(), {
      policy: 'nightly',
      update: UpdatePolicy.parse({ schedule: '30 4 * * *' }),
    }),
  pause: (world: PolicyWorld) => pausePolicy(world.ports, call(), { policy: 'nightly', paused: true }),
  delete: (world: PolicyWorld) => deletePolicy(world.ports, call(), { policy: 'nightly' }),
} as const;
type Change = keyof typeof changes;

async function changed(change: Change, kill?: Kill) {
  const staged = await killable();
  if (change !== 'create') await changes.create(staged.world);
  staged.kills.begin(kill);
  await surviving<unknown>(() => changes[change](staged.world));
  return staged;
}

/** What AWS has is what the records say. */
async function expectAgreement(world: PolicyWorld): Promise<void> {
  const policies = await allPolicies(world.table);
  const { schedules, alarms } = world.policies;
  expect([...alarms.keys()]).toEqual(policies.map(({ id }) => id));
  expect(
    [...schedules.values()].map(({ policyId, expression, enabled }) => [policyId, expression, enabled]),
  ).toEqual(
    policies.map(({ id, schedule, paused }) => [id, toEventBridge(parseSchedule(schedule)), !paused]),
  );
  for (const { applied, intent, applying, deleting } of policies)
    expect([applied, applying, deleting]).toEqual([intent, undefined, false]);
}

describe.each(Object.keys(changes) as Change[])('a policy whose %s is killed', async (change) => {
  const kills = await killsOf(changed(change).then((staged) => staged.kills.seen));

  it('has the effects in their order: state first, effects, confirmation', async () => {
    const { kills: recorded } = await changed(change);
    const effects = change === 'delete' ? ['removeSchedule', 'removeAlarm'] : ['putSchedule', 'putAlarm'];
    expect(recorded.seen.slice(1, -1)).toEqual(effects);
    expect(recorded.seen.at(0)).toMatch(/^write /);
    expect(recorded.seen.at(-1)).toMatch(/^write /);
  });

  it.each(kills)('$when $what is put right by the next watch after the claim', async (kill) => {
    const { world, kills: recorded } = await changed(change, kill);
    expect(recorded.happened).toBe(true);
    // While the killed one may still be calling, nobody else does.
    const before = JSON.stringify([...world.policies.schedules]);
    const confirmed = kill.at === 3 && kill.when === 'after';
    if (!confirmed) await repairPolicies(world.ports);
    expect(JSON.stringify([...world.policies.schedules])).toBe(before);
    world.pass(36);
    await repairPolicies(world.ports);
    await expectAgreement(world);
  });
});

describe('a schedule or an alarm', () => {
  it('that somebody removed is made again; one whose policy is gone is removed', async () => {
    const { world } = await killable();
    await changes.create(world);
    const { schedules, alarms } = world.policies;
    const [[id = '', schedule] = []] = schedules;
    schedules.clear();
    expect(await repairPolicies(world.ports)).toEqual([id]);
    await expectAgreement(world);
    alarms.clear();
    expect(await repairPolicies(world.ports)).toEqual([id]);
    await expectAgreement(world);
    const gone = `pol-${'0'.repeat(26)}`;
    if (schedule !== undefined) schedules.set(gone, { ...schedule, policyId: gone });
    schedules.set('somebody-elses', { ...schedules.get(gone), policyId: 'x' } as never);
    expect(await repairPolicies(world.ports)).toEqual([gone]);
    schedules.delete('somebody-elses');
    await expectAgreement(world);
  });
});

const tickAt = '2026-11-25T02:00:00Z';

/** Two volumes with a backup each of a policy that keeps one; then a tick whose run may be killed somewhere. */
async function ran(kill?: Kill, copyTo?: string) {
  const staged = await killable(['a', 'b']);
  const { world, kills } = staged;
  const policy = await world.policy({ retention: { last: 1 }, copyTo });
  await world.runNow();
  world.pass(86_400);
  kills.begin(kill);
  let runId: string | undefined;
  // Delivered at least once, and again where nobody answered.
  for (let count = 0; count < 2; count++) runId ??= await surviving(() => world.deliver(policy, tickAt));
  for (let count = 0; count < 5; count++) await surviving(() => world.carryOut(runId ?? ''));
  for (let count = 0; count < 20; count++) {
    await world.workOperations();
    world.pass(2);
  }
  return { ...staged, run: await world.runOf(runId ?? '') };
}

describe('a run', async () => {
  const kills = await killsOf(ran().then((staged) => staged.kills.seen));

  it('has effects to be killed at: tick, backups, pages, removals', () => {
    expect(kills.length).toBeGreaterThan(20);
  });

  it.each(kills)('killed $when $what comes to its end, and nothing is done twice', async (kill) => {
    const { world, kills: recorded, run } = await ran(kill);
    expect(recorded.happened).toBe(true);
    expect(run).toMatchObject({ state: 'succeeded', counts: { selected: 2, open: 0, made: 2, failed: 0 } });
    for (const name of ['a', 'b']) {
      const backups = await world.backupsOf(name);
      expect(backups).toMatchObject([{ state: 'available', cutAt: expect.stringMatching(/^2026-11-24/) }]);
    }
    expect(world.storage.truth.snapshots.size).toBe(2);
    expect(new Set(world.policies.startedRuns).size).toBe(world.policies.startedRuns.length);
  });
});

describe('a run that copies', async () => {
  const kills = await killsOf(ran(undefined, abroad).then((staged) => staged.kills.seen));

  it.each(kills)('killed $when $what comes to its end, and nothing is copied twice', async (kill) => {
    const { world, kills: recorded, run } = await ran(kill, abroad);
    expect(recorded.happened).toBe(true);
    expect(run).toMatchObject({ state: 'succeeded', counts: { selected: 2, open: 0, made: 2, failed: 0 } });
    for (const name of ['a', 'b']) {
      const copies = (await world.backupsOf(name)).filter(({ origin }) => origin === 'copy');
      // That of the day before is there until the next run's retention.
      expect(copies.map(({ state }) => state)).toEqual(['available', 'available']);
    }
    expect(world.abroad.truth.snapshots.size).toBe(4);
    expect(world.storage.truth.snapshots.size).toBe(2);
  });
});
