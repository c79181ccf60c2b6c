import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { askPurge } from '#shared/aws/table/volume-writes.ts';
import { ApiWorld, type HostActor } from '#test/support/api-world.ts';

const hostA = 'i-0000000000000000a';
const hostB = 'i-0000000000000000b';

async function attached(): Promise<{ api: ApiWorld; a: HostActor; b: HostActor }> {
  const api = new ApiWorld();
  const a = await api.host(hostA);
  const b = await api.host(hostB);
  await api.create({ name: 'x' });
  return { api, a, b };
}

describe('sync', () => {
  it('shows what was reported, writes it again only when it says something new or is five minutes old', async () => {
    const { api, a } = await attached();
    const { volumeId: id, epoch } = await a.take('x');
    const usage = { totalBytes: 100, usedBytes: 1, inodes: 10, inodesUsed: 1 };
    const report = {
      volumeId: id,
      epoch,
      mounted: true,
      mountpoint: '/m',
      device: '/dev/loop1',
      containers: ['c1'],
      usage,
    };
    await a.sync([report]);
    const shown = (await api.volume('x')).attachments;
    expect(shown).toMatchObject([{ mountpoint: '/m', device: '/dev/loop1', containers: ['c1'] }]);
    const writtenAt = async () => (await api.world.volume('x')).observations[0]?.at;
    const first = await writtenAt();
    api.world.pass(60);
    await a.sync([report]);
    expect(await writtenAt()).toBe(first);
    await a.sync([{ ...report, containers: [] }]);
    expect(await writtenAt()).not.toBe(first);
    const { volume } = await api.world.volume('x');
    api.world.pass(301);
    await a.sync([{ ...report, containers: [] }]);
    expect((await api.world.volume('x')).volume.revision).toBe(volume.revision);
  });

  it('does not take a report under an epoch that is over', async () => {
    const { api, a } = await attached();
    const held = await a.take('x');
    await api.post('/v1/namespaces/default/volumes/x/attach', { host: hostB });
    await a.sync([{ volumeId: held.volumeId, epoch: held.epoch, mounted: true }]);
    expect((await api.world.volume('x')).observations).toEqual([]);
  });

  it('remembers what the host still has to do with though it was taken from it', async () => {
    const { api, a } = await attached();
    await api.create({ name: 'n', type: 'ephemeral' });
    const held = await a.take('n');
    await a.lease(held, true);
    const detached = await api.post('/v1/namespaces/default/volumes/n/detach', { forceDetach: true });
    expect(detached.status).toBe(200);
    const { volumeId, epoch } = held;
    await a.sync([{ volumeId, epoch, mounted: true }]);
    const strays = async () => (await api.world.table.readHost(hostA))?.seen?.strays;
    expect(await strays()).toEqual([volumeId]);
    expect((await api.volume('n')).attachments).toEqual([]);
    await a.sync();
    expect(await strays()).toBeUndefined();
  });

  it('of an older boot is told to register', async () => {
    const { a } = await attached();
    a.bootId = randomUUID();
    expect((await a.send('POST', 'sync', { bootId: a.bootId, observed: [] })).body.code).toBe('StaleEpoch');
  });

  it('hands out the directories that this host was asked to empty, until it says that they are', async () => {
    const { api, a, b } = await attached();
    await api.create({ name: 't', type: 'ephemeral' });
    const { id } = await api.volume('t');
    const task = { volumeId: id, fileSystemId: 'fs-1', accessPointId: 'fsap-1' };
    const at = api.world.clock().toISOString();
    await api.world.table.transact(askPurge({ ...task, hostId: hostA, done: false, at }));
    expect((await a.sync()).purges).toEqual([task]);
    expect((await b.sync()).purges).toEqual([]);
    const say = (host: HostActor, accessPointId: string) =>
      host.send('POST', `purges/${id}`, { accessPointId });
    expect((await say(b, 'fsap-1')).status).toBe(403);
    expect((await say(a, 'fsap-2')).status).toBe(403);
    expect((await say(a, 'fsap-1')).status).toBe(200);
    expect((await say(a, 'fsap-1')).status).toBe(200);
    expect((await a.sync()).purges).toEqual([]);
    expect((await api.world.volume('t')).purge).toMatchObject({ done: true });
  });
});

describe('volumes, as Docker asks for them', () => {
  it('are created, read, listed and removed in the host’s namespace', async () => {
    const { api, a } = await attached();
    expect((await a.send('POST', 'volumes', { name: 'd' })).status).toBe(202);
    await api.work();
    expect((await a.send('GET', 'volumes/d')).body).toMatchObject({
      namespace: 'default',
      state: 'available',
    });
    const held = await a.take('d');
    await a.lease(held, true);
    expect((await a.send('DELETE', 'volumes/d')).body.code).toBe('VolumeBusy');
    await a.lease(held, false);
    expect((await a.send('DELETE', 'volumes/d')).status).toBe(202);
    await api.work();
    expect((await a.send('GET', 'volumes/d')).status).toBe(404);
  });
});
