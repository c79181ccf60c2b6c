import { describe, expect, it } from 'vitest';
import { ApiWorld, type ApiAnswer } from '#test/support/api-world.ts';

const volumes = '/v1/namespaces/default/volumes';
const hostA = 'i-0000000000000000a';
const hostB = 'i-0000000000000000b';

async function twoHosts() {
  const api = new ApiWorld();
  const a = await api.host(hostA);
  const b = await api.host(hostB);
  await api.create({ name: 'x' });
  return { api, a, b };
}

const attach = (api: ApiWorld, host: string, parts: object = {}): Promise<ApiAnswer> =>
  api.post(`${volumes}/x/attach`, { host, ...parts });
const detach = (api: ApiWorld, parts: object = {}): Promise<ApiAnswer> =>
  api.post(`${volumes}/x/detach`, parts);

describe('attach', () => {
  it.each(['attach', 'detach', 'delete'])(
    '(%s) of what a machine has that EC2 knows nothing of says so, and how to take it from there',
    async (action) => {
      const { api, a } = await twoHosts();
      await a.lease(await a.take('x'), true);
      api.world.instances.forget(hostA);
      const calls = {
        attach: () => attach(api, hostB),
        detach: () => detach(api),
        delete: () => api.send({ method: 'DELETE', path: `${volumes}/x` }),
      };
      const { body } = await calls[action as keyof typeof calls]();
      expect(body).toMatchObject({ code: 'VolumeBusy' });
      expect(body['hint']).toMatch(new RegExp(`EC2 knows nothing of ${hostA}.*--force-detach`));
      expect((await attach(api, hostB, { forceDetach: true })).status).toBe(202);
    },
  );

  it('is an operation that ends with the volume on the host; again is 200', async () => {
    const { api } = await twoHosts();
    const answer = await attach(api, hostA);
    expect(answer).toMatchObject({ status: 202, body: { kind: 'attach', host: hostA } });
    expect((await attach(api, hostA)).body.id).toBe(answer.body.id);
    await api.work();
    expect(await attach(api, hostA)).toMatchObject({
      status: 200,
      body: { state: 'attached', hosts: [hostA], attachments: [{ host: hostA, inUse: false, epoch: 1 }] },
    });
  });

  it('creates an unplaced volume in the zone of the host', async () => {
    const api = new ApiWorld();
    await api.host(hostA, 'us-east-1b');
    await api.host(hostB, 'us-east-1c');
    await api.create({ name: 'x' });
    await attach(api, hostA);
    await api.work();
    expect(await api.volume('x')).toMatchObject({ state: 'attached', availabilityZone: 'us-east-1b' });
    expect((await attach(api, hostB)).body).toMatchObject({ code: 'IllegalState' });
  });

  it('hands an idle volume over, and tells the old host to let go', async () => {
    const { api, a, b } = await twoHosts();
    const held = await a.take('x');
    const answer = await attach(api, hostB);
    expect(answer.status).toBe(202);
    expect(await a.assignment('x')).toMatchObject({ desired: 'detached', epoch: held.epoch + 1 });
    expect(await a.lease(held, true)).toMatchObject({ status: 403, body: { code: 'StaleEpoch' } });
    await api.work();
    expect(await a.assignment('x')).toBeUndefined();
    expect(await b.assignment('x')).toMatchObject({ desired: 'attached', actual: 'attached', epoch: 2 });
  });

  it.each(['running', 'stopping', 'shutting-down', 'pending'])(
    'of what a %s host uses is refused with its name',
    async (state) => {
      const { api, a } = await twoHosts();
      await a.lease(await a.take('x'), true);
      api.world.instances.set(hostA, { state });
      expect(await attach(api, hostB)).toMatchObject({
        status: 409,
        body: { code: 'VolumeBusy', about: { hosts: hostA }, detail: `"x" is in use on ${hostA}.` },
      });
    },
  );

  it.each(['stopped', 'terminated'])('of what a %s host used is handed over', async (state) => {
    const { api, a } = await twoHosts();
    const held = await a.take('x');
    await a.lease(held, true);
    api.world.instances.set(hostA, { state });
    expect((await attach(api, hostB)).status).toBe(202);
    expect(await a.lease(held, true)).toMatchObject({ body: { code: 'StaleEpoch' } });
  });

  it('of what a host used that EC2 does not know is refused, until EC2 has once called it terminated', async () => {
    const { api, a } = await twoHosts();
    await a.lease(await a.take('x'), true);
    api.world.instances.forget(hostA);
    expect((await attach(api, hostB)).body.code).toBe('VolumeBusy');
    await markTerminated(api, hostA);
    expect((await attach(api, hostB)).status).toBe(202);
  });

  it('with forceDetach takes it from a host that may still write, on a person’s word', async () => {
    const { api, a } = await twoHosts();
    const held = await a.take('x');
    await a.lease(held, true);
    const answer = await attach(api, hostB, { forceDetach: true });
    expect(await api.world.operation(answer.body.id)).toMatchObject({ forceDetach: true, fromHost: hostA });
    expect(await a.assignment('x')).toMatchObject({
      desired: 'detached',
      inUse: false,
      epoch: held.epoch + 1,
    });
  });

  it('that races with a mount loses to it', async () => {
    const { api, a } = await twoHosts();
    const held = await a.take('x');
    const [lease, moved] = await Promise.all([a.lease(held, true), attach(api, hostB)]);
    const { lease: after } = await api.world.volume('x');
    const mountWon = { lease: 200, moved: 409, after: { holder: hostA, inUse: true } };
    const moveWon = { lease: 403, moved: 202, after: { holder: hostB, inUse: false } };
    expect({ lease: lease.status, moved: moved.status, after }).toMatchObject(
      lease.status === 200 ? mountWon : moveWon,
    );
  });

  it('that finds a mount between its look and its transaction is decided anew', async () => {
    const between: { run?: () => Promise<unknown> } = {};
    const api = new ApiWorld({
      apiStore: (store) => ({
        get: (key) => store.get(key),
        getMany: (keys) => store.getMany(keys),
        query: (query) => store.query(query),
        work: (partition, through, limit) => store.work(partition, through, limit),
        transact: async (writes) => {
          const { run } = between;
          delete between.run;
          await run?.();
          await store.transact(writes);
        },
      }),
    });
    const a = await api.host(hostA);
    await api.host(hostB);
    await api.create({ name: 'x' });
    const held = await a.take('x');
    between.run = () => a.lease(held, true);
    expect(await attach(api, hostB)).toMatchObject({ status: 409, body: { code: 'VolumeBusy' } });
    expect((await api.world.volume('x')).lease).toMatchObject({
      holder: hostA,
      inUse: true,
      epoch: held.epoch,
    });
  });

  it('of a volume that many hosts may use is done at once', async () => {
    const { api } = await twoHosts();
    await api.create({ name: 'shared', type: 'hostpath', options: { path: '/srv/x' } });
    for (const host of [hostA, hostB]) {
      expect(await api.post(`${volumes}/shared/attach`, { host })).toMatchObject({ status: 200 });
    }
    expect(await api.volume('shared')).toMatchObject({ state: 'available', hosts: [hostA, hostB] });
  });

  it('is refused to a host that is drained, has no slots, lacks the driver, or is unknown', async () => {
    const { api, a } = await twoHosts();
    expect((await attach(api, 'i-0123456789abcdef0')).body.code).toBe('HostNotFound');
    await a.register(['bind']);
    expect((await attach(api, hostA)).body).toMatchObject({ code: 'NotSupported', allowed: 'bind' });
    await a.register();
    await api.post(`/v1/namespaces/default/hosts/${hostA}/drain`);
    expect((await attach(api, hostA)).body.code).toBe('HostDraining');
    await api.post(`/v1/namespaces/default/hosts/${hostA}/drain`, { draining: false });
    Object.assign(api.world.instances, { slots: () => Promise.resolve(1) });
    await a.register();
    await api.create({ name: 'y' });
    await a.take('y');
    expect((await attach(api, hostA)).body).toMatchObject({ code: 'LimitExceeded', value: 1 });
  });

  it('is refused to a machine that is gone, which the listing forgets after a day', async () => {
    const { api } = await twoHosts();
    await markTerminated(api, hostA);
    expect((await attach(api, hostA)).body).toMatchObject({
      code: 'IllegalState',
      detail: `${hostA} is terminated.`,
    });
    const listed = async () => (await api.get('/v1/namespaces/default/hosts')).body.items.length as number;
    expect(await listed()).toBe(2);
    api.world.pass(25 * 3600);
    expect(await listed()).toBe(1);
    expect((await api.get(`/v1/namespaces/default/hosts/${hostA}`)).status).toBe(200);
  });

  it('is refused while the volume is being made, and after it failed', async () => {
    const { api } = await twoHosts();
    await api.post(volumes, { name: 'y', availabilityZone: 'us-east-1a' });
    expect((await api.post(`${volumes}/y/attach`, { host: hostA })).body.code).toBe('OperationInProgress');
  });

  it('read-only is kept, and refused where it is attached otherwise', async () => {
    const { api } = await twoHosts();
    await attach(api, hostA, { readOnly: true });
    await api.work();
    expect((await attach(api, hostA)).body.attachments).toMatchObject([{ readOnly: true }]);
    expect((await attach(api, hostA, { readOnly: false })).body.code).toBe('IllegalState');
  });
});

describe('detach', () => {
  it('of an idle volume is an operation; of one that is attached nowhere nothing', async () => {
    const { api, a } = await twoHosts();
    expect((await detach(api)).status).toBe(200);
    await a.take('x');
    const answer = await detach(api, { host: hostA });
    expect(answer).toMatchObject({ status: 202, body: { kind: 'detach' } });
    expect((await detach(api)).body.id).toBe(answer.body.id);
    expect((await detach(api, { host: hostB })).status).toBe(200);
    await api.work();
    expect(await api.volume('x')).toMatchObject({ state: 'available', hosts: [] });
  });

  it('of a used one is refused with its holder, unless that is stopped or a person forces it', async () => {
    const { api, a } = await twoHosts();
    const held = await a.take('x');
    await a.lease(held, true);
    expect((await detach(api)).body).toMatchObject({ code: 'VolumeBusy', about: { hosts: hostA } });
    const forced = await detach(api, { forceDetach: true });
    expect(forced.status).toBe(202);
    expect((await api.world.operation(forced.body.id)).forceDetach).toBe(true);
    expect((await a.lease(held, true)).body.code).toBe('StaleEpoch');
  });

  it('of a volume on several hosts must name one', async () => {
    const { api, a, b } = await twoHosts();
    await api.create({ name: 'shared', type: 'hostpath', options: { path: '/srv/x' } });
    await a.claim('shared');
    await b.claim('shared');
    const path = `${volumes}/shared/detach`;
    expect((await api.post(path)).body).toMatchObject({
      code: 'InvalidInput',
      allowed: `${hostA}, ${hostB}`,
    });
    expect((await api.post(path, { host: hostA })).body).toMatchObject({ hosts: [hostB] });
  });
});

describe('hosts and operations, as people see them', () => {
  it('a drain hands on what is idle and lists what is used', async () => {
    const { api, a } = await twoHosts();
    await api.create({ name: 'used' });
    await a.take('x');
    await a.lease(await a.take('used'), true);
    const drained = await api.post(`/v1/namespaces/default/hosts/${hostA}/drain`);
    expect(drained.body).toMatchObject({ draining: true });
    await api.work();
    expect(await api.volume('x')).toMatchObject({ state: 'available' });
    const host = (await api.get(`/v1/namespaces/default/hosts/${hostA}`)).body;
    expect(host.volumes).toMatchObject([{ name: 'used', inUse: true }]);
    expect((await a.sync()).draining).toBe(true);
  });

  it('lists hosts with when they were last seen, and operations newest first', async () => {
    const { api, a } = await twoHosts();
    api.world.pass(60);
    await a.sync();
    const hosts = (await api.get('/v1/namespaces/default/hosts')).body.items;
    expect(hosts.map(({ id }: { id: string }) => id)).toEqual([hostA, hostB]);
    expect(hosts[0].lastSeenAt > hosts[1].lastSeenAt).toBe(true);
    await a.take('x');
    const operations = (await api.get('/v1/namespaces/default/operations')).body.items;
    expect(operations.map(({ kind }: { kind: string }) => kind)).toEqual(['attach', 'create']);
    const ended = await api.get('/v1/namespaces/default/operations', 'status=succeeded&volume=x&limit=1');
    expect(ended.body).toMatchObject({ items: [{ kind: 'attach' }], cursor: expect.any(String) as string });
    expect((await api.get('/v1/namespaces/other/hosts')).body.items).toEqual([]);
    expect((await api.get(`/v1/namespaces/other/hosts/${hostA}`)).status).toBe(404);
    expect((await api.get(`/v1/namespaces/other/operations/${operations[0].id}`)).status).toBe(404);
  });
});

async function markTerminated(api: ApiWorld, hostId: string): Promise<void> {
  const { replace } = await import('#shared/aws/table/writes.ts');
  const record = await api.world.table.readHost(hostId);
  if (record === undefined) return;
  await api.world.table.transact([
    replace('host', record.host, { ...record.host, instanceState: 'terminated' }),
  ]);
}
