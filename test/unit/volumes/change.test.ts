import { describe, expect, it } from 'vitest';
import { ApiWorld } from '#test/support/api-world.ts';

const volumes = '/v1/namespaces/default/volumes';
const hostA = 'i-0000000000000000a';
const hostB = 'i-0000000000000000b';

describe('update', () => {
  it('changes what it names, and raises the revision behind the ETag', async () => {
    const api = new ApiWorld();
    const created = await api.create({ name: 'x', type: 'ephemeral', labels: { a: '1' } });
    const answer = await api.send({ method: 'PATCH', path: `${volumes}/x`, body: { protected: true } });
    expect(answer.body).toMatchObject({ protected: true, labels: { a: '1' }, revision: 2 });
    expect([created.headers['etag'], answer.headers['etag']]).toEqual(['"1"', '"2"']);
  });

  it('checks If-Match when it is sent', async () => {
    const api = new ApiWorld();
    await api.create({ name: 'x', type: 'ephemeral' });
    const patch = (etag: string) =>
      api.send({
        method: 'PATCH',
        path: `${volumes}/x`,
        body: { description: etag },
        headers: { 'If-Match': etag },
      });
    expect((await patch('"1"')).status).toBe(200);
    expect(await patch('"1"')).toMatchObject({
      status: 412,
      body: { code: 'StaleRevision', allowed: '"2"' },
    });
    expect((await patch('"9", "2"')).status).toBe(200);
    expect((await patch('*')).status).toBe(200);
  });

  it('two at once both happen, one after the other', async () => {
    const api = new ApiWorld();
    await api.create({ name: 'x', type: 'ephemeral' });
    const patch = (body: object) => api.send({ method: 'PATCH', path: `${volumes}/x`, body });
    await Promise.all([
      patch({ protected: true }),
      patch({ description: 'd' }),
      patch({ labels: { a: 'b' } }),
    ]);
    expect(await api.volume('x')).toMatchObject({
      protected: true,
      description: 'd',
      labels: { a: 'b' },
      revision: 4,
    });
  });
});

describe('delete and undelete', () => {
  const remove = (api: ApiWorld, name: string, query = '') =>
    api.send({ method: 'DELETE', path: `${volumes}/${name}`, query });

  it('of what nobody holds writes the tombstone at once; the name is free', async () => {
    const api = new ApiWorld();
    const { body } = await api.create({ name: 'x', type: 'ephemeral' });
    const answer = await remove(api, 'x');
    expect(answer).toMatchObject({
      status: 200,
      body: { state: 'deleted', purgeAt: '2026-11-24T12:00:00.000Z' },
    });
    expect((await api.get(`${volumes}/x`)).body.code).toBe('VolumeNotFound');
    const again = await api.create({ name: 'x', type: 'ephemeral', size: '1M' });
    expect(again.status).toBe(201);
    expect(again.body.id).not.toBe(body.id);
  });

  it('of an EBS volume detaches it first and ends in the tombstone', async () => {
    const api = new ApiWorld();
    const host = await api.host(hostA);
    await api.create({ name: 'x' });
    await host.take('x');
    const answer = await remove(api, 'x');
    expect(answer).toMatchObject({ status: 202, body: { kind: 'delete' } });
    expect((await remove(api, 'x')).body.id).toBe(answer.body.id);
    await api.work();
    expect((await api.get(`${volumes}/x`)).status).toBe(404);
    expect((await host.sync()).assignments).toEqual([]);
    expect((await api.get(volumes, 'deleted=true')).body.items).toMatchObject([{ name: 'x', hosts: [] }]);
  });

  it('is refused while the volume is being made, attached or detached', async () => {
    const api = new ApiWorld();
    const host = await api.host(hostA);
    await api.post(volumes, { name: 'x' });
    const refused = { status: 409, body: { code: 'OperationInProgress' } };
    expect(await remove(api, 'x', 'force=true')).toMatchObject(refused);
    await api.work();
    await host.claim('x');
    expect(await remove(api, 'x', 'force=true')).toMatchObject(refused);
    await api.work();
    await api.post(`${volumes}/x/detach`);
    expect(await remove(api, 'x')).toMatchObject(refused);
  });

  it('is refused while it is protected, even with force', async () => {
    const api = new ApiWorld();
    await api.create({ name: 'x', type: 'ephemeral', protected: true });
    expect(await remove(api, 'x', 'force=true')).toMatchObject({
      status: 409,
      body: { code: 'VolumeProtected' },
    });
  });

  it('is refused while it is in use, naming hosts and containers', async () => {
    const api = new ApiWorld();
    const host = await api.host(hostA);
    await api.create({ name: 'x' });
    const assignment = await host.take('x');
    await host.lease(assignment, true);
    await host.sync([{ ...assignment, mounted: true, containers: ['web', 'db'] }].map(observed));
    const answer = await remove(api, 'x');
    expect(answer).toMatchObject({
      status: 409,
      body: {
        code: 'VolumeBusy',
        detail: `"x" is in use on ${hostA} (containers web, db).`,
        about: { hosts: hostA, containers: 'web,db' },
      },
    });
  });

  it('with force asks the host to hand it back, and ends when it has', async () => {
    const api = new ApiWorld();
    const host = await api.host(hostA);
    await api.create({ name: 'x' });
    const assignment = await host.take('x');
    await host.lease(assignment, true);
    const answer = await remove(api, 'x', 'force=true');
    expect(answer.status).toBe(202);
    const tenMinutes = new Date(api.world.clock().getTime() + 600_000).toISOString();
    expect((await api.world.operation(answer.body.id)).waitUntil).toBe(tenMinutes);
    expect(await host.assignment('x')).toMatchObject({
      desired: 'detached',
      inUse: true,
      epoch: assignment.epoch,
    });
    expect(await host.lease(assignment, true)).toMatchObject({
      status: 409,
      body: { code: 'OperationInProgress' },
    });
    await host.lease(assignment, false);
    await api.work();
    expect((await api.get(`${volumes}/x`)).status).toBe(404);
  });

  it('of a volume that many hosts have takes idle attachments away, and waits for used ones under force', async () => {
    const api = new ApiWorld();
    const a = await api.host(hostA);
    const b = await api.host(hostB);
    await api.create({ name: 'x', type: 'hostpath', options: { path: '/srv/x' } });
    const held = (await a.claim('x')).body.assignment;
    await b.claim('x');
    await a.lease(held, true);
    expect((await remove(api, 'x')).body).toMatchObject({ code: 'VolumeBusy', about: { hosts: hostA } });
    const forced = await remove(api, 'x', 'force=true');
    expect(forced).toMatchObject({ status: 202 });
    expect(await api.world.operation(forced.body.id)).toMatchObject({ driver: 'efs' });
    expect(await a.assignment('x')).toMatchObject({ desired: 'detached' });
    await a.lease(held, false);
    expect((await a.release(held)).status).toBe(200);
    expect((await a.sync()).assignments).toEqual([]);
  });

  it('of a volume on more hosts than one transaction takes works too', async () => {
    const api = new ApiWorld();
    await api.create({ name: 'x', type: 'hostpath', options: { path: '/srv/x' } });
    for (let at = 0; at < 45; at++) {
      const host = await api.host(`i-000000000000001${String(at).padStart(2, '0')}`);
      expect((await host.claim('x')).status).toBe(200);
    }
    expect(await remove(api, 'x')).toMatchObject({
      status: 200,
      body: { state: 'deleted', attachments: [] },
    });
  });

  it('undelete brings it back with its labels, under another name when its own is taken', async () => {
    const api = new ApiWorld();
    const { body } = await api.create({ name: 'x', type: 'ephemeral', labels: { a: '1' } });
    await remove(api, 'x');
    await api.create({ name: 'x', type: 'ephemeral' });
    expect(await api.post(`${volumes}/x/undelete`)).toMatchObject({
      status: 409,
      body: { code: 'NameTaken' },
    });
    const back = await api.post(`${volumes}/x/undelete`, { as: 'y' });
    expect(back).toMatchObject({
      status: 200,
      body: { id: body.id, name: 'y', state: 'available', labels: { a: '1' } },
    });
    expect(back.body.purgeAt).toBeUndefined();
    expect((await api.get(volumes, 'label=a%3D1')).body.items).toMatchObject([{ name: 'y' }]);
    expect((await api.get(volumes, 'deleted=true')).body.items).toEqual([]);
    expect(await api.post(`${volumes}/x/undelete`)).toMatchObject({
      status: 404,
      body: { code: 'VolumeNotFound' },
    });
  });

  it('undelete takes the newest tombstone of a name, or the one it names', async () => {
    const api = new ApiWorld();
    const ids: string[] = [];
    for (let at = 0; at < 3; at++) {
      ids.push((await api.create({ name: 'x', type: 'ephemeral' })).body.id);
      api.world.pass(60);
      await remove(api, 'x');
    }
    expect((await api.post(`${volumes}/x/undelete`)).body.id).toBe(ids[2]);
    expect((await api.post(`${volumes}/x/undelete`, { id: ids[0], as: 'first' })).body.id).toBe(ids[0]);
  });

  it('undelete checks If-Match against the tombstone when it is sent', async () => {
    const api = new ApiWorld();
    await api.create({ name: 'x', type: 'ephemeral' });
    const { body } = await remove(api, 'x');
    const undelete = (etag: string) =>
      api.post(`${volumes}/x/undelete`, {}, { headers: { 'If-Match': etag } });
    expect(await undelete('"1"')).toMatchObject({
      status: 412,
      body: { code: 'StaleRevision', allowed: `"${body.revision}"` },
    });
    expect((await api.get(volumes, 'deleted=true')).body.items).toMatchObject([{ name: 'x' }]);
    expect((await undelete(`"${body.revision}"`)).status).toBe(200);
  });

  it('undelete after the storage was freed says so', async () => {
    const api = new ApiWorld();
    await api.create({ name: 'x', type: 'ephemeral' });
    const { body } = await remove(api, 'x', 'purge=true');
    expect(body.purgeAt).toBe(body.deletedAt);
    const [due] = await api.world.table.listDuePurges(body.purgeAt);
    expect(due?.id).toBe(body.id);
  });
});

function observed({ volumeId, epoch, mounted, containers }: Record<string, unknown>): object {
  return { volumeId, epoch, mounted, containers };
}
