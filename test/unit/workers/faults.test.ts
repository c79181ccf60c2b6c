import { describe, expect, it } from 'vitest';
import { snapshotOfStorage } from '#shared/model/backup.ts';
import type { BlockAction, BlockFault } from '#test/fakes/fake-block-storage.ts';
import { judge } from './support/judge.ts';
import { hostA, hostB, World, type WorldOptions } from './support/world.ts';

/** Faults of one kind of call, in this order; then none. */
function faulty(action: BlockAction, ...faults: (BlockFault | undefined)[]): Pick<WorldOptions, 'fault'> {
  const left = [...faults];
  return { fault: (called) => (called === action ? left.shift() : undefined) };
}

async function created(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  await world.addHost(hostA);
  await world.addHost(hostB);
  await world.run(await world.create('data'));
  return world;
}

async function attached(options: WorldOptions = {}): Promise<World> {
  const world = await created(options);
  await world.run(await world.attach('data', hostA));
  await world.format('data');
  return world;
}

async function ebsOf(world: World): Promise<string> {
  const { storage } = (await world.volume('data')).volume;
  return storage?.kind === 'ebs' ? storage.volumeId : '';
}

const count = (world: World, action: BlockAction): number =>
  world.storage.calls.filter((call) => call.action === action).length;

describe('create', () => {
  it('says that the key is to blame when EC2 drops the volume, and may be repeated', async () => {
    const world = new World(faulty('createVolume', 'drop'));
    const operation = await world.run(await world.create('data'));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'StorageFailed' } });
    expect(operation.error?.detail).toContain('encryption key');
    expect((await world.volume('data')).volume).toMatchObject({ state: 'failed', attempt: 2 });
    expect((await world.run(await world.create('data'))).status).toBe('succeeded');
    expect(await judge(world)).toEqual([]);
  });

  it('tries again by itself when EC2 shows an attempt as failed', async () => {
    const world = new World(faulty('createVolume', 'error'));
    expect((await world.run(await world.create('data'))).trail).toEqual([
      'createVolume:1',
      'nextAttempt:1',
      'createVolume:2',
      'confirmCreated',
    ]);
  });

  it('gives up after three failed attempts, and deletes none of them', async () => {
    const world = new World(faulty('createVolume', 'error', 'error', 'error'));
    expect(await world.run(await world.create('data'))).toMatchObject({ status: 'failed' });
    expect(world.storage.truth.volumes.size).toBe(3);
    expect(count(world, 'deleteVolume')).toBe(0);
  });

  it('waits out throttling under the same token', async () => {
    const world = new World(faulty('createVolume', ...Array.from({ length: 20 }, () => 'throttle' as const)));
    expect((await world.run(await world.create('data'))).status).toBe('succeeded');
    expect((await world.volume('data')).volume.attempt).toBe(1);
  });
});

describe('attach', () => {
  it('that hangs is detached and tried under the next name; the first is not used again', async () => {
    const world = await created(faulty('attach', 'stuck'));
    expect((await world.run(await world.attach('data', hostA))).status).toBe('succeeded');
    expect((await world.volume('data')).attachments).toMatchObject([{ device: '/dev/sdg' }]);
    expect((await world.table.readHost(hostA))?.host.burnedDevices).toEqual(['/dev/sdf']);
    expect(await judge(world)).toEqual([]);
  });

  it('that never comes is taken back after 15 minutes', async () => {
    const stuck = Array.from({ length: 50 }, () => 'stuck' as const);
    const world = await created(faulty('attach', ...stuck));
    const operation = await world.run(await world.attach('data', hostA));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    const { volume, lease } = await world.volume('data');
    expect(volume).toMatchObject({ state: 'available', hosts: [] });
    expect(lease?.epoch).toBe(2);
    expect(await judge(world)).toEqual([]);
  });

  it('that hung while no worker ran is detached before it is given up', async () => {
    const world = await created(faulty('attach', 'stuck'));
    const operation = await world.attach('data', hostA);
    while (count(world, 'attach') === 0) await world.step(operation);
    world.pass(40 * 60);
    expect(await world.run(operation)).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    expect(count(world, 'detach')).toBe(1);
    expect(world.storage.truth.volumes.get(await ebsOf(world))).toMatchObject({ attachments: [] });
    expect((await world.volume('data')).volume).toMatchObject({ state: 'available', hosts: [] });
    expect(await judge(world)).toEqual([]);
  });

  it('to a host that EC2 does not know is taken back at once', async () => {
    const world = await created({ hosts: [hostA] });
    const operation = await world.run(await world.attach('data', hostB));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'HostNotFound' } });
    expect(await judge(world)).toEqual([]);
  });

  it('goes on with the next name when the instance uses this one for something else', async () => {
    const world = await created();
    const tags = {};
    const other = { clientToken: 'other', sizeGiB: 1, availabilityZone: 'us-east-1a', encrypted: true, tags };
    const { id } = await world.storage.createVolume(other);
    world.pass(5);
    await world.storage.attach({ volumeId: id, instanceId: hostA, device: '/dev/sdf' });
    expect((await world.run(await world.attach('data', hostA))).status).toBe('succeeded');
    expect((await world.volume('data')).attachments).toMatchObject([{ device: '/dev/sdg' }]);
  });

  it('leaves alone what somebody has attached by hand', async () => {
    const world = await created();
    const by = 'i-0123456789abcdef0';
    await world.storage.attach({ volumeId: await ebsOf(world), instanceId: by, device: '/dev/sdf' });
    world.pass(5);
    const operation = await world.run(await world.attach('data', hostA));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'VolumeBusy' } });
    expect(operation.error?.detail).toContain(by);
    expect(world.storage.truth.volumes.get(await ebsOf(world))?.attachments).toMatchObject([
      { instanceId: by },
    ]);
  });
});

describe('hand-over', () => {
  it('from a host that does not let go of the device does not reach the next one', async () => {
    const world = await attached();
    const id = await ebsOf(world);
    world.storage.hold(id, hostA);
    const operation = await world.run(await world.attach('data', hostB));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    expect(count(world, 'attach')).toBe(1);
    world.storage.release(id, hostA);
    world.pass(10);
    expect((await world.run(await world.attach('data', hostB))).status).toBe('succeeded');
    expect((await judge(world)).filter((line) => !line.includes('while the host used'))).toEqual([]);
  });

  it('by force cuts the holder off', async () => {
    const world = await attached();
    await world.use('data', true);
    world.storage.hold(await ebsOf(world), hostA);
    expect((await world.run(await world.attach('data', hostB, true))).status).toBe('succeeded');
    expect(world.storage.cutOff).toEqual([`${await ebsOf(world)} ${hostA}`]);
    expect(await judge(world)).toEqual([]);
  });

  it('from a stopped host needs nobody to say force', async () => {
    const world = await attached();
    await world.use('data', true);
    world.instances.set(hostA, { state: 'stopped' });
    expect((await world.run(await world.attach('data', hostB))).status).toBe('succeeded');
    expect((await world.volume('data')).lease).toMatchObject({ holder: hostB, inUse: false });
  });
});

describe('detach', () => {
  it('of a device that the host does not let go of fails, and leaves the volume to whoever can take it', async () => {
    const world = await attached();
    world.storage.hold(await ebsOf(world), hostA);
    const operation = await world.run(await world.detach('data'));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'VolumeBusy' } });
    const { volume, lease, attachments } = await world.volume('data');
    expect(volume).toMatchObject({ state: 'available', hosts: [] });
    expect(lease?.holder).toBeUndefined();
    expect(attachments).toEqual([]);
  });

  it.each(['throttle', 'unavailable', 'lost-answer'] as const)('ends in spite of: %s', async (fault) => {
    const world = await attached(faulty('detach', fault, fault));
    expect((await world.run(await world.detach('data'))).status).toBe('succeeded');
    expect(await judge(world)).toEqual([]);
  });
});

describe('delete', () => {
  it('removes a second backup that a lost answer and a late read left', async () => {
    const lag = { ms: 0 };
    const world = await attached({ ...faulty('createSnapshot', 'lost-answer'), readLag: () => lag.ms });
    const operation = await world.delete('data');
    while (count(world, 'createSnapshot') === 0) world.pass((await world.step(operation)).waitSeconds);
    lag.ms = 10_000;
    while (count(world, 'createSnapshot') === 1) world.pass((await world.step(operation)).waitSeconds);
    expect(world.storage.truth.snapshots.size).toBe(2);
    lag.ms = 0;
    const { status, volumeId } = await world.run(operation);
    expect(status).toBe('succeeded');
    const { finalBackup = '' } = (await world.byId(volumeId)).volume;
    const backup = await world.table.readBackup(finalBackup);
    expect([...world.storage.truth.snapshots.keys()]).toEqual([snapshotOfStorage(backup?.storage)]);
  });

  it('does not wait for ever for the hand-back', async () => {
    const world = await attached();
    await world.use('data', true);
    const operation = await world.run(await world.delete('data', { force: true }));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'VolumeBusy' } });
    expect(operation.error?.detail).toContain(hostA);
    const { volume, attachments, lease } = await world.volume('data');
    expect(volume.state).toBe('attached');
    expect(attachments).toMatchObject([{ desired: 'attached', epoch: lease?.epoch }]);
    expect(lease).toMatchObject({ holder: hostA, inUse: true });
  });
});
