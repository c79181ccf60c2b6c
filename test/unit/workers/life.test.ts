import { describe, expect, it } from 'vitest';
import { snapshotOfStorage } from '#shared/model/backup.ts';
import { hostA, hostB, World } from './support/world.ts';

async function attached(world: World): Promise<void> {
  await world.addHost(hostA);
  await world.addHost(hostB);
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
}

describe('the life of an EBS volume', () => {
  it('is created once, with our token and tags', async () => {
    const world = new World();
    const operation = await world.run(await world.create('data'));
    expect(operation).toMatchObject({
      status: 'succeeded',
      progress: 100,
      trail: ['createVolume:1', 'confirmCreated'],
    });
    const { volume } = await world.volume('data');
    expect(volume).toMatchObject({ state: 'available', storage: { kind: 'ebs', provisionedGiB: 10 } });
    expect(volume.operation).toBeUndefined();
    const [made] = world.storage.truth.volumes.values();
    expect(made?.tags).toMatchObject({
      Name: 'default/data',
      'hivemind:product': 'hivemind-volumes',
      'hivemind:volume-id': volume.id,
      'hivemind:attempt': '1',
    });
  });

  it('is attached, used and handed over', async () => {
    const world = new World();
    await attached(world);
    const { volume, lease, attachments } = await world.volume('data');
    expect(volume).toMatchObject({ state: 'attached', hosts: [hostA] });
    expect(lease).toMatchObject({ holder: hostA, epoch: 1, inUse: false });
    expect(attachments).toMatchObject([{ hostId: hostA, actual: 'attached', device: '/dev/sdf' }]);
    expect(world.woken).toContain(hostA);

    await world.run(await world.attach('data', hostB));
    const moved = await world.volume('data');
    expect(moved.volume).toMatchObject({ state: 'attached', hosts: [hostB] });
    expect(moved.lease).toMatchObject({ holder: hostB, epoch: 2 });
    expect(moved.attachments).toMatchObject([{ hostId: hostB, actual: 'attached' }]);
    expect((await world.table.readHost(hostA))?.devices).toEqual([]);
    expect((await world.table.readHost(hostA))?.attachments).toEqual([]);
    expect(world.storage.calls.map(({ action }) => action)).toEqual([
      'createVolume',
      'attach',
      'detach',
      'attach',
    ]);
  });

  it('is detached', async () => {
    const world = new World();
    await attached(world);
    const operation = await world.run(await world.detach('data'));
    expect(operation.status).toBe('succeeded');
    const { volume, attachments, lease } = await world.volume('data');
    expect(volume).toMatchObject({ state: 'available', hosts: [] });
    expect(attachments).toEqual([]);
    expect(lease?.holder).toBeUndefined();
    expect(world.storage.truth.volumes.get(ebsId(volume))?.state).toBe('available');
  });

  it('is deleted with a final backup, undeleted, and its storage is kept', async () => {
    const world = new World();
    await attached(world);
    await world.format('data');
    const { volume } = await world.volume('data');
    const operation = await world.run(await world.delete('data'));
    expect(operation.status).toBe('succeeded');
    const tombstone = await world.byId(volume.id);
    expect(tombstone.volume).toMatchObject({
      state: 'deleted',
      purgeAt: hours(world, 24, tombstone.volume.deletedAt),
    });
    const [snapshot] = world.storage.truth.snapshots.values();
    const backup = await world.table.readBackup(tombstone.volume.finalBackup ?? '');
    expect(snapshotOfStorage(backup?.storage)).toBe(snapshot?.id);
    expect(snapshot?.tags['hivemind:backup']).toBe(backup?.id);
    expect(snapshot?.tags['hivemind:operation']).toBe(operation.id);
    await world.undelete('data');
    expect((await world.volume('data')).volume).toMatchObject({ id: volume.id, state: 'available' });
    expect(world.storage.truth.volumes.size).toBe(1);
  });

  it('leaves no backup of a volume that was never formatted', async () => {
    const world = new World();
    await attached(world);
    await world.run(await world.delete('data'));
    expect(world.storage.truth.snapshots.size).toBe(0);
  });

  it('is gone at once with purge', async () => {
    const world = new World();
    await attached(world);
    await world.format('data');
    const { volume } = await world.volume('data');
    const operation = await world.run(await world.delete('data', { purge: true }));
    expect(operation.status).toBe('succeeded');
    expect(await world.table.readVolume(volume.id)).toBeUndefined();
    world.pass(10);
    expect(world.storage.truth.volumes.size).toBe(0);
    expect(world.storage.truth.snapshots.size).toBe(0);
  });

  it('is created in the zone of the host when it was unplaced', async () => {
    const world = new World();
    await world.addHost(hostA, 'us-east-1a');
    await world.addHost(hostB, 'us-east-1b');
    await world.create('data', { availabilityZone: undefined });
    expect((await world.volume('data')).volume.state).toBe('unplaced');
    const operation = await world.run(await world.attach('data', hostB));
    expect(operation.status).toBe('succeeded');
    expect((await world.volume('data')).volume).toMatchObject({
      state: 'attached',
      availabilityZone: 'us-east-1b',
      hosts: [hostB],
    });
  });
});

function ebsId({ storage }: { storage?: { kind: string; volumeId?: string } | undefined }): string {
  return storage?.volumeId ?? '';
}

function hours(_world: World, count: number, from: string | undefined): string {
  return new Date(Date.parse(from ?? '') + count * 3_600_000).toISOString();
}
