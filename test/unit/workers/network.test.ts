import { describe, expect, it } from 'vitest';
import { answerPurge, changeAttachment } from '#shared/aws/table/volume-writes.ts';
import { put, replace } from '#shared/aws/table/writes.ts';
import { FakeAccessPoints, type AccessPointFault } from '#test/fakes/fake-access-points.ts';
import { hostA, hostB, World } from './support/world.ts';

const network = { type: 'network', size: undefined, availabilityZone: undefined } as const;

async function created(world: World): Promise<string> {
  await world.run(await world.create('shared', network));
  return (await world.volume('shared')).volume.id;
}

/** The agent of a host has synced just now. */
async function seen(world: World, hostId: string): Promise<void> {
  await world.table.transact([put('seen', { hostId, bootId: 'boot', at: world.clock().toISOString() })]);
}

async function emptied(world: World, volumeId: string): Promise<void> {
  const { purge } = await world.byId(volumeId);
  await world.table.transact(purge === undefined ? [] : answerPurge(purge));
}

describe('a network volume', () => {
  it('is an access point of its own, in a directory named after its id', async () => {
    const world = new World();
    const id = await created(world);
    expect((await world.volume('shared')).volume).toMatchObject({
      state: 'available',
      storage: { kind: 'efs', fileSystemId: world.points.fileSystemId, path: `/volumes/${id}` },
    });
    expect(world.points.wanted).toMatchObject([
      { path: `/volumes/${id}`, owner: { uid: 0, gid: 0, mode: '0755' } },
    ]);
    expect(world.points.wanted[0]?.posixUser).toBeUndefined();
  });

  it('gives up after three access points that EFS could not make, and may be repeated', async () => {
    let broken = true;
    class Broken extends FakeAccessPoints {
      override async find(id: string) {
        const point = await super.find(id);
        return point === undefined || !broken ? point : { ...point, state: 'error' as const };
      }
    }
    const clock = { now: (): Date => new Date(0) };
    const points = new Broken({ clock: () => clock.now() });
    const world = new World({ points });
    clock.now = world.clock;
    const operation = await world.run(await world.create('shared', network));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'StorageFailed' } });
    expect(points.wanted).toHaveLength(3);
    const { volume } = await world.volume('shared');
    expect(volume).toMatchObject({ state: 'failed', attempt: 4 });
    expect(volume.storage).toBeUndefined();
    broken = false;
    expect((await world.run(await world.create('shared', network))).status).toBe('succeeded');
  });

  it.each(['throttle', 'lost-answer'] as const)('is made once in spite of: %s', async (fault) => {
    let times = 2;
    const clock = { now: (): Date => new Date(0) };
    const points = new FakeAccessPoints({
      clock: () => clock.now(),
      fault: (action): AccessPointFault | undefined =>
        action === 'create' && times-- > 0 ? fault : undefined,
    });
    const world = new World({ points });
    clock.now = world.clock;
    await created(world);
    expect(points.wanted).toHaveLength(1);
  });

  it('is buried when its last user has let go', async () => {
    const world = new World();
    await world.addHost(hostA);
    const id = await created(world);
    await world.attach('shared', hostA);
    const [attachment] = (await world.volume('shared')).attachments;
    if (attachment !== undefined) {
      await world.table.transact(changeAttachment(attachment, { ...attachment, inUse: true }));
    }
    const operation = await world.delete('shared', { force: true });
    expect(await world.step(operation)).toMatchObject({ outcome: 'wait' });
    const [used] = (await world.byId(id)).attachments;
    if (used !== undefined) await world.table.transact(changeAttachment(used, { ...used, inUse: false }));
    expect((await world.run(operation)).status).toBe('succeeded');
    expect((await world.byId(id)).volume.state).toBe('deleted');
    expect((await world.table.readHost(hostA))?.attachments).toEqual([]);
  });

  it('is given back when its users do not let go in time', async () => {
    const world = new World();
    await world.addHost(hostA);
    await created(world);
    await world.attach('shared', hostA);
    const [attachment] = (await world.volume('shared')).attachments;
    if (attachment !== undefined) {
      await world.table.transact(changeAttachment(attachment, { ...attachment, inUse: true }));
    }
    const operation = await world.run(await world.delete('shared', { force: true }));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'VolumeBusy' } });
    expect(operation.error?.detail).toContain(hostA);
    const record = await world.volume('shared');
    expect(record.volume.state).toBe('available');
    expect(record.attachments).toMatchObject([{ desired: 'attached' }]);
  });

  it('is not emptied under containers of a host that it was forced from, until that says so or is stopped', async () => {
    const world = new World();
    await world.addHost(hostA);
    await world.addHost(hostB);
    const forced = async (name: string): Promise<string> => {
      await world.run(await world.create(name, network));
      await world.attach(name, hostA);
      const { volume, attachments } = await world.volume(name);
      const writes = attachments.flatMap((was) => changeAttachment(was, { ...was, inUse: true }));
      await world.table.transact(writes);
      await world.detach(name, true);
      await world.delete(name, { purge: true });
      return volume.id;
    };
    const [said, stopped] = [await forced('said'), await forced('stopped')];
    const strays = [said, stopped];
    const operations = await world.purge();
    const asked = async (): Promise<string[]> => {
      for (const operation of operations) {
        await world.step(operation);
        await world.step(operation);
      }
      const { purges = [] } = (await world.table.readHost(hostB)) ?? {};
      return purges.map(({ volumeId }) => volumeId).toSorted();
    };
    const report = async (left: readonly string[]): Promise<void> => {
      const at = world.clock().toISOString();
      const writes = [put('seen', { hostId: hostA, bootId: 'boot', at, strays: [...left] })];
      await world.table.transact(writes);
      world.pass(10);
      await seen(world, hostB);
    };
    await report([]);
    expect(await asked()).toEqual([]);
    expect((await world.operation(operations[0] ?? '')).message).toContain(hostA);
    world.pass(120);
    await report(strays);
    expect(await asked()).toEqual([]);
    await report([stopped]);
    expect(await asked()).toEqual([said]);
    const host = (await world.table.readHost(hostA))?.host;
    if (host !== undefined) {
      await world.table.transact([replace('host', host, { ...host, instanceState: 'stopped' })]);
    }
    expect(await asked()).toEqual(strays.toSorted());
  });

  it('is freed only after a host has emptied its directory, through an access point rooted at it', async () => {
    const world = new World();
    await world.addHost(hostA);
    await world.addHost(hostB);
    const id = await created(world);
    await seen(world, hostA);
    await world.delete('shared', { purge: true });
    const [operation = ''] = await world.purge();
    for (let count = 0; count < 3; count++) await world.step(operation);
    expect(world.points.wanted.map(({ path }) => path)).toEqual([`/volumes/${id}`, `/volumes/${id}`]);
    expect(world.points.wanted[1]?.posixUser).toEqual({ uid: 0, gid: 0 });
    expect((await world.table.readHost(hostA))?.purges).toMatchObject([{ volumeId: id, done: false }]);
    expect(world.woken).toContain(hostA);

    // The host goes away; another one is asked.
    world.pass(600);
    await seen(world, hostB);
    await world.step(operation);
    expect((await world.table.readHost(hostA))?.purges).toEqual([]);
    expect((await world.table.readHost(hostB))?.purges).toMatchObject([{ volumeId: id, done: false }]);

    await emptied(world, id);
    expect((await world.run(operation)).status).toBe('succeeded');
    expect(world.points.wanted).toEqual([]);
    expect(await world.table.readVolume(id)).toBeUndefined();
  });
});

it('a bind volume leaves nothing to free', async () => {
  const world = new World();
  await world.create('dir', {
    type: 'hostpath',
    size: undefined,
    availabilityZone: undefined,
    options: { path: '/data/x' },
  });
  const { id } = (await world.volume('dir')).volume;
  await world.delete('dir', { purge: true });
  const [operation = ''] = await world.purge();
  expect((await world.run(operation)).status).toBe('succeeded');
  expect(await world.table.readVolume(id)).toBeUndefined();
});
