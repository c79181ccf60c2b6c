import { describe, expect, it } from 'vitest';
import { snapshotOfStorage } from '#shared/model/backup.ts';
import { forget } from '#shared/aws/table/volume-writes.ts';
import { judge } from './support/judge.ts';
import { hostA, hostB, World, type WorldOptions } from './support/world.ts';

async function attached(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  await world.addHost(hostA);
  await world.addHost(hostB);
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  await world.format('data');
  return world;
}

async function ebsOf(world: World): Promise<string> {
  const { storage } = (await world.volume('data')).volume;
  return storage?.kind === 'ebs' ? storage.volumeId : '';
}

describe('an idle volume whose host does not answer EC2 any more', () => {
  it('is handed over when a person says force', async () => {
    const world = await attached();
    world.storage.hold(await ebsOf(world), hostA);
    expect((await world.run(await world.attach('data', hostB))).status).toBe('failed');
    const forced = await world.run(await world.attach('data', hostB, true));
    expect(forced.status).toBe('succeeded');
    expect(world.storage.cutOff).toEqual([`${await ebsOf(world)} ${hostA}`]);
  });

  it('is handed over by force at once, without a try that must fail', async () => {
    const world = await attached();
    world.storage.hold(await ebsOf(world), hostA);
    expect((await world.run(await world.attach('data', hostB, true))).status).toBe('succeeded');
  });

  it('is detached when a person says force', async () => {
    const world = await attached();
    world.storage.hold(await ebsOf(world), hostA);
    expect((await world.run(await world.detach('data', true))).status).toBe('succeeded');
    expect(await judge(world)).toEqual([]);
  });

  it('can be used by that host again when EC2 ends the detach after all', async () => {
    const world = await attached();
    const id = await ebsOf(world);
    world.storage.hold(id, hostA);
    expect((await world.run(await world.detach('data'))).status).toBe('failed');
    world.storage.release(id, hostA);
    world.pass(60);
    await world.run(await world.attach('data', hostA));
    expect((await world.volume('data')).volume).toMatchObject({ state: 'attached', hosts: [hostA] });
    expect(world.storage.truth.volumes.get(id)?.attachments).toMatchObject([
      { instanceId: hostA, state: 'attached' },
    ]);
  });
});

describe('reads of EC2 that lag', () => {
  it('do not bury a volume that is still attached', async () => {
    const lag = { ms: 0 };
    const world = await attached({ readLag: () => lag.ms });
    const id = await ebsOf(world);
    const operation = await world.delete('data');
    lag.ms = 3_600_000;
    for (let count = 0; count < 5; count++) world.pass((await world.step(operation)).waitSeconds);
    lag.ms = 0;
    await world.run(operation);
    expect(world.storage.truth.volumes.get(id)?.attachments).toEqual([]);
  });

  it('do not pass an attachment of the past for the one that was asked for', async () => {
    const lag = { ms: 0 };
    const world = await attached({ readLag: () => lag.ms });
    const then = world.clock().getTime();
    world.pass(1);
    await world.run(await world.attach('data', hostB));
    const operation = await world.attach('data', hostA);
    for (let count = 0; count < 3; count++) {
      lag.ms = world.clock().getTime() - then;
      world.pass((await world.step(operation)).waitSeconds);
    }
    lag.ms = 0;
    expect((await world.run(operation)).status).toBe('succeeded');
    expect(await judge(world)).toEqual([]);
  });
});

describe('the end of a volume', () => {
  it('with purge keeps nothing, not even the backup of an earlier delete', async () => {
    const world = await attached();
    await world.run(await world.delete('data'));
    await world.undelete('data');
    const { finalBackup = '' } = (await world.volume('data')).volume;
    const backup = await world.table.readBackup(finalBackup);
    expect(world.storage.truth.snapshots.has(snapshotOfStorage(backup?.storage) ?? '')).toBe(true);
    await world.run(await world.delete('data', { purge: true }));
    world.pass(10);
    expect(world.storage.truth.snapshots.size).toBe(0);
    expect(world.storage.truth.volumes.size).toBe(0);
    expect(await world.table.readBackup(finalBackup)).toBeUndefined();
  });

  it('after an undone delete makes a backup of what is there now', async () => {
    const world = await attached();
    await world.run(await world.delete('data'));
    await world.undelete('data');
    const { id, finalBackup } = (await world.volume('data')).volume;
    expect((await world.run(await world.delete('data'))).status).toBe('succeeded');
    const { volume } = await world.byId(id);
    expect(volume.finalBackup).toBeDefined();
    expect(volume.finalBackup).not.toBe(finalBackup);
  });

  it('is one transaction, however many hosts have reported of it', async () => {
    const world = await attached();
    const record = await world.volume('data');
    const observations = Array.from({ length: 300 }, (_, at) => ({
      volumeId: record.volume.id,
      hostId: `i-${String(at).padStart(17, '0')}`,
      bootId: 'boot',
      at: world.clock().toISOString(),
      epoch: 1,
      mounted: false,
      containers: [],
    }));
    const purging = { ...record.volume, state: 'purging' } as const;
    expect(forget({ ...record, volume: purging, observations }).length).toBeLessThanOrEqual(90);
  });
});
