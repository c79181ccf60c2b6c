import { describe, expect, it } from 'vitest';
import { partitions } from '#shared/aws/table/keys.ts';
import { CreateBackup } from '#shared/model/backup.ts';
import { ProductError, type ErrorCode } from '#shared/model/errors.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { deletePolicy, pausePolicy } from '#functions/policies/change-policy.ts';
import { runPolicy } from '#functions/policies/run-policy.ts';
import { throwNamed } from '#functions/policies/run-errors.ts';
import { runStep } from '#functions/policies/run-step.ts';
import { restartRuns } from '#functions/sweep/restarts.ts';
import { call, hostA } from '#test/unit/workers/support/world.ts';
import { PolicyWorld } from './support/policy-world.ts';

const tickAt = '2026-11-24T02:00:00Z';

describe('a tick', () => {
  it('begins a run that backs every selected volume up', async () => {
    const world = await PolicyWorld.withVolumes(['a', 'b']);
    await world.run(await world.create('unlabelled'));
    const policy = await world.policy();
    const id = (await world.deliver(policy, tickAt)) ?? '';
    const run = await world.carryOut(id);
    expect(run).toMatchObject({
      state: 'succeeded',
      at: '2026-11-24T02:00:00.000Z',
      cause: 'scheduled',
      counts: { selected: 2, open: 0, made: 2, failed: 0, skipped: 0, pruned: 0 },
    });
    for (const name of ['a', 'b']) {
      const [backup, ...more] = await world.backupsOf(name);
      expect(backup).toMatchObject({ state: 'available', origin: 'policy', policy: policy.id });
      expect(more).toEqual([]);
    }
  });

  it('delivered again, late or at once, does nothing', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    const policy = await world.policy();
    const id = (await world.deliver(policy, tickAt)) ?? '';
    await world.carryOut(id);
    world.pass(600);
    expect(await world.deliver(policy, tickAt)).toBe(id);
    expect(await world.deliver(policy, '2026-11-24T02:00:42Z')).toBe(id);
    await world.carryOut(id);
    expect(world.policies.startedRuns).toEqual([id]);
    expect(world.storage.truth.snapshots.size).toBe(1);
  });

  it('whose time the scheduler did not fill in belongs to the last one of the schedule', async () => {
    const world = await PolicyWorld.withVolumes([]);
    const policy = await world.policy();
    const id = await world.deliver(policy, '<aws.scheduler.scheduled-time>');
    expect((await world.runOf(id ?? '')).at).toBe('2026-11-23T02:00:00.000Z');
  });

  it('of a paused or a removed policy is ignored', async () => {
    const world = await PolicyWorld.withVolumes([]);
    const policy = await world.policy();
    await pausePolicy(world.ports, call(), { policy: 'nightly', paused: true });
    expect(await world.deliver(policy, tickAt)).toBeUndefined();
    expect(await world.deliver({ ...policy, id: `pol-${'0'.repeat(26)}` }, tickAt)).toBeUndefined();
    expect(world.policies.startedRuns).toEqual([]);
  });
});

describe('a run', () => {
  it('skips what has nothing to back up, and says why', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    await world.run(await world.create('blank', { labels: { backup: 'true' } }));
    await world.policy();
    const run = await world.runNow();
    expect(run).toMatchObject({ state: 'succeeded', counts: { selected: 2, made: 1, skipped: 1 } });
    const { items } = await world.table.list('runVolume', { pk: partitions.run(run.id) });
    const skipped = items.find(({ state }) => state === 'skipped');
    expect(skipped).toMatchObject({ volume: 'blank', reason: expect.stringContaining('blank') });
  });

  it('goes on when a volume fails, and then has failed', async () => {
    const world = await PolicyWorld.withVolumes(['a', 'b', 'c']);
    // Its host never answers: the backup fails.
    await world.run(await world.attach('b', hostA));
    await world.use('b', true);
    await world.policy();
    const run = await world.runNow();
    expect(run).toMatchObject({ state: 'failed', counts: { selected: 3, made: 2, failed: 1 } });
    const { items } = await world.table.list('runVolume', { pk: partitions.run(run.id) });
    expect(items.filter(({ state }) => state === 'failed')).toMatchObject([
      { volume: 'b', reason: expect.stringMatching(/.{10}/) },
    ]);
  });

  it('waits for another backup of a volume, and then makes its own', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    await createBackup(world.api, call(), { volume: 'a', ...CreateBackup.parse({}) });
    await world.policy();
    const run = await world.runNow();
    expect(run).toMatchObject({ state: 'succeeded', counts: { made: 1 } });
    expect((await world.backupsOf('a')).map(({ origin }) => origin)).toEqual(['manual', 'policy']);
  });

  it('skips a volume whose other backup does not end', async () => {
    const world = await PolicyWorld.withVolumes(['a', 'b']);
    const { body } = await createBackup(world.api, call(), { volume: 'a', ...CreateBackup.parse({}) });
    await world.policy();
    // Only operations of the run itself are worked on.
    world.workOperations = async () => {
      for (const { id } of await world.table.listUnfinishedOperations('9999', 100))
        if (id !== body.id) await world.step(id);
    };
    expect(await world.runNow()).toMatchObject({ state: 'succeeded', counts: { made: 1, skipped: 1 } });
  });

  it('carried out by two executions at once makes one backup of each volume', async () => {
    const world = await PolicyWorld.withVolumes(['a', 'b', 'c']);
    const policy = await world.policy();
    const runId = (await world.deliver(policy, tickAt)) ?? '';
    world.pass(20);
    for (let count = 0; count < 60; count++) {
      await Promise.allSettled([runStep(world.ports, { runId }), runStep(world.ports, { runId })]);
      await world.workOperations();
      world.pass(2);
    }
    expect(await world.runOf(runId)).toMatchObject({ state: 'succeeded', counts: { selected: 3, made: 3 } });
    expect(world.storage.truth.snapshots.size).toBe(3);
  });

  it('works page by page', async () => {
    const names = Array.from({ length: 95 }, (_, index) => `v${String(index).padStart(3, '0')}`);
    const world = await PolicyWorld.withVolumes(names);
    await world.policy();
    const run = await world.runNow();
    expect(run).toMatchObject({ state: 'succeeded', counts: { selected: 95, made: 95 } });
    expect(world.storage.truth.snapshots.size).toBe(95);
  }, 60_000);

  it('is not kept waiting by backups that take hours', async () => {
    const world = await PolicyWorld.crowded(300);
    await world.policy();
    const { body } = await runPolicy(world.ports, call(), { policy: 'nightly' });
    // EC2 is at work on all of them: none comes to its end.
    const steps = async (count: number): Promise<void> => {
      for (let step = 0; step < count; step++)
        world.pass((await runStep(world.ports, { runId: body.id })).waitSeconds);
    };
    await steps(50);
    expect((await world.runOf(body.id)).counts.open).toBe(200);
    await steps(250);
    const { state, counts } = await world.runOf(body.id);
    expect([state, counts.open]).toEqual(['collecting', 300]);
    world.pass(20 * 3_600);
    expect(await world.carryOut(body.id)).toMatchObject({
      state: 'failed',
      counts: { open: 0, failed: 300 },
    });
  }, 60_000);

  it('whose policy is removed ends: what is begun is waited for, nothing is pruned', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    const policy = await world.policy({ retention: { last: 1 } });
    await world.runNow();
    world.pass(60);
    const runId = (await world.deliver(policy, tickAt)) ?? '';
    world.pass(20);
    await runStep(world.ports, { runId });
    await deletePolicy(world.ports, call(), { policy: 'nightly' });
    expect(await world.carryOut(runId)).toMatchObject({ state: 'succeeded', counts: { made: 1, pruned: 0 } });
    expect(await world.backupsOf('a')).toHaveLength(2);
  });
});

describe('the sweeper', () => {
  it('starts a run whose execution never was, or has ended without finishing it', async () => {
    const world = await PolicyWorld.withVolumes(['a']);
    const policy = await world.policy();
    const runId = (await world.deliver(policy, tickAt)) ?? '';
    world.pass(30);
    const states = new Map<string, 'running' | 'ended'>();
    const started: string[] = [];
    const runs = {
      state: (name: string) => Promise.resolve(states.get(name) ?? ('missing' as const)),
      start: (name: string) => Promise.resolve(void started.push(name)),
    };
    const ports = world.sweepPorts({ runs });
    expect(await restartRuns(ports)).toEqual([runId]);
    states.set(runId, 'ended');
    expect(await restartRuns(ports)).toEqual([`${runId}-r1`]);
    states.set(`${runId}-r1`, 'running');
    expect(await restartRuns(ports)).toEqual([]);
    await world.carryOut(runId);
    states.set(`${runId}-r1`, 'ended');
    expect(await restartRuns(ports)).toEqual([]);
    expect(started).toEqual([runId, `${runId}-r1`]);
  });
});

describe('an error of a step', () => {
  it('has its code as its name, by which the state machine repeats it', async () => {
    const failing = (code: ErrorCode) =>
      throwNamed(() => Promise.reject(new ProductError(code, 'As asked.')));
    await expect(failing('Throttled')).rejects.toMatchObject({ name: 'Throttled', message: 'As asked.' });
    await expect(failing('Conflict')).rejects.toMatchObject({ name: 'Conflict' });
    const bug = new TypeError('a bug');
    await expect(throwNamed(() => Promise.reject(bug))).rejects.toBe(bug);
  });
});
