import { describe, expect, it } from 'vitest';
import { snapshotOfStorage } from '#shared/model/backup.ts';
import type { Executions } from '#shared/aws/executions.ts';
import { ProductError } from '#shared/model/errors.ts';
import { metricNames } from '#shared/model/metrics.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { sweep } from '#functions/sweep/sweep.ts';
import { hostA, undoWindowHours, World } from '#test/unit/workers/support/world.ts';

/** Executions by name, as a test says. */
class FakeExecutions implements Executions {
  readonly states = new Map<string, 'running' | 'ended'>();
  readonly started: string[] = [];
  readonly refused = new Set<string>();
  asked = 0;

  state(name: string): Promise<'running' | 'ended' | 'missing'> {
    this.asked++;
    if (this.refused.has(name)) return Promise.reject(new ProductError('Throttled', 'Not now.'));
    return Promise.resolve(this.states.get(name) ?? 'missing');
  }

  start(name: string): Promise<void> {
    this.started.push(name);
    this.states.set(name, 'running');
    return Promise.resolve();
  }
}

function swept(world: World, executions = new FakeExecutions()) {
  const counted: Record<string, number> = {};
  const count = (metric: string, value: number): void => void (counted[metric] = value);
  const run = () => sweep(world.sweepPorts({ executions, count }));
  return { run, executions, counted };
}

describe('operations without an execution', () => {
  it('are started under their own id when there never was one', async () => {
    const world = new World();
    const id = await world.create('data');
    const { run, executions, counted } = swept(world);
    await run();
    expect(executions.started).toEqual([]);
    world.pass(30);
    expect((await run()).restarted).toEqual([id]);
    expect(counted[metricNames.restartedOperations]).toBe(1);
    await run();
    expect(executions.started).toEqual([id]);
  });

  it('are started under another name each time an execution ended without finishing them', async () => {
    const world = new World();
    const id = await world.create('data');
    world.pass(30);
    const { run, executions } = swept(world);
    executions.states.set(id, 'ended');
    await run();
    executions.states.set(`${id}-r1`, 'ended');
    await run();
    expect(executions.started).toEqual([`${id}-r1`, `${id}-r2`]);
  });

  it('are started again however often that was done before, with few questions', async () => {
    const world = new World();
    const id = await world.create('data');
    world.pass(30);
    const { run, executions } = swept(world);
    executions.states.set(id, 'ended');
    for (let count = 1; count <= 700; count++) executions.states.set(`${id}-r${count}`, 'ended');
    await run();
    expect(executions.started).toEqual([`${id}-r701`]);
    expect(executions.asked).toBeLessThan(25);
    await run();
    expect(executions.started).toHaveLength(1);
  });

  it('are found behind many older ones that wait', async () => {
    const world = new World();
    const { run, executions } = swept(world);
    for (let count = 0; count < 150; count++)
      executions.states.set(await world.create(`waiting-${count}`), 'running');
    world.pass(1);
    const id = await world.create('data');
    world.pass(30);
    expect((await run()).restarted).toEqual([id]);
  });

  it('are started though one of them cannot be', async () => {
    const world = new World();
    const [first, second] = [await world.create('a'), await world.create('b')];
    world.pass(30);
    const { run, executions } = swept(world);
    executions.refused.add(first);
    expect((await run()).restarted).toEqual([second]);
    executions.refused.clear();
    expect((await run()).restarted).toEqual([first]);
  });

  it('are left alone when they are finished', async () => {
    const world = new World();
    await world.run(await world.create('data'));
    world.pass(30);
    const { run, executions } = swept(world);
    await run();
    expect(executions.started).toEqual([]);
  });

  it('are reported when nothing new was said of them for 15 minutes', async () => {
    const world = new World();
    const id = await world.create('data');
    world.pass(16 * 60);
    const { run, counted } = swept(world);
    expect((await run()).stuck).toEqual([id]);
    expect(counted[metricNames.stuckOperations]).toBe(1);
  });
});

describe('a part that fails', () => {
  it('keeps none of the others from their work, their count and their line; the sweep fails all the same', async () => {
    const world = new World();
    const id = await world.create('data');
    world.pass(30);
    const executions = new FakeExecutions();
    const counted: Record<string, number> = {};
    const lines: [string, unknown][] = [];
    const keep = (message: string, data: unknown): void => void lines.push([message, data]);
    const throttled = new ProductError('Throttled', 'Not now.');
    const ports = world.sweepPorts({
      executions,
      storage: { listVolumes: () => Promise.reject(throttled) },
      count: (metric, value) => void (counted[metric] = value),
      log: { info: keep, warn: keep, error: keep },
    });
    await expect(sweep(ports)).rejects.toBe(throttled);
    expect(executions.started).toEqual([id]);
    expect(counted).toEqual({
      [metricNames.restartedOperations]: 1,
      [metricNames.stuckOperations]: 0,
      [metricNames.leftovers]: 0,
    });
    expect(lines).toContainEqual(['a part of the sweep failed', { part: 'leaks', error: throttled }]);
    expect(lines.at(-1)).toMatchObject(['swept', { restarted: [id], failed: ['leaks'], hosts: [] }]);
  });
});

describe('tombstones', () => {
  async function tombstone(world: World): Promise<string> {
    await world.run(await world.create('data'));
    const { id } = (await world.volume('data')).volume;
    await world.run(await world.delete('data'));
    return id;
  }

  it('are purged when their undo window has ended, and not before', async () => {
    const world = new World();
    const id = await tombstone(world);
    world.pass(undoWindowHours * 3_600 - 60);
    expect(await world.purge()).toEqual([]);
    world.pass(60);
    const [operation = ''] = await world.purge();
    expect(await world.operation(operation)).toMatchObject({ kind: 'purge', caller: 'hivemind:sweeper' });
    expect(await world.purge()).toEqual([]);
    await world.run(operation);
    expect(await world.table.readVolume(id)).toBeUndefined();
    world.pass(10);
    expect(world.storage.truth.volumes.size).toBe(0);
  });

  it('keep their record when a final backup is left', async () => {
    const world = new World();
    await world.addHost(hostA);
    await world.run(await world.create('data'));
    await world.run(await world.attach('data', hostA));
    await world.format('data');
    const { id } = (await world.volume('data')).volume;
    await world.run(await world.delete('data'));
    world.pass(undoWindowHours * 3_600);
    const [operation = ''] = await world.purge();
    await world.run(operation);
    const { volume } = await world.byId(id);
    expect(volume).toMatchObject({ state: 'purged' });
    expect(volume.storage).toBeUndefined();
    const backup = await world.table.readBackup(volume.finalBackup ?? '');
    expect(backup).toMatchObject({ state: 'available', origin: 'final', volumeId: id });
    expect(world.storage.truth.snapshots.has(snapshotOfStorage(backup?.storage) ?? '')).toBe(true);
  });
});

describe('leaks', () => {
  const stray = (id: string) => ({
    clientToken: id,
    sizeGiB: 1,
    availabilityZone: 'us-east-1a',
    encrypted: true,
    tags: { [tagKeys.product]: productTagValue, [tagKeys.volumeId]: id, [tagKeys.attempt]: '1' },
  });

  it('are EC2 volumes with our tag and no record: reported, never deleted', async () => {
    const world = new World();
    await world.run(await world.create('data'));
    const { id } = await world.storage.createVolume(stray('vol-00000000000000000000000000'));
    await world.storage.createVolume({ ...stray('x'), tags: {} });
    const { run, counted } = swept(world);
    expect((await run()).leaks).toEqual([]);
    world.pass(16 * 60);
    expect((await run()).leaks).toEqual([id]);
    expect(counted[metricNames.leakedVolumes]).toBe(1);
    expect(world.storage.truth.volumes.size).toBe(3);
  });

  it('are not what a create that is under way has made', async () => {
    let lost = true;
    const world = new World({
      fault: (action) => (action === 'createVolume' && lost ? 'lost-answer' : undefined),
    });
    const id = await world.create('data');
    await world.step(id);
    lost = false;
    world.pass(16 * 60);
    expect((await swept(world).run()).leaks).toEqual([]);
  });

  it('are what an attempt left that EC2 failed', async () => {
    let failing = true;
    const world = new World({
      fault: (action) => (action === 'createVolume' && failing ? 'error' : undefined),
    });
    const id = await world.create('data');
    await world.step(id);
    failing = false;
    await world.run(id);
    expect((await world.volume('data')).volume).toMatchObject({ state: 'available', attempt: 2 });
    world.pass(16 * 60);
    expect((await swept(world).run()).leaks).toHaveLength(1);
  });
});
