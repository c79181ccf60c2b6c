import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { routes, type Route } from '#shared/model/routes.ts';
import { ApiWorld, alice, roleId, sessionOf, type HostActor } from '#test/support/api-world.ts';

const hostA = 'i-0000000000000000a';
const hostB = 'i-0000000000000000b';
const volumeId = 'vol-01ARZ3NDEKTSV4RRFFQ69G5FAV';

async function attached(): Promise<{ api: ApiWorld; a: HostActor; b: HostActor }> {
  const api = new ApiWorld();
  const a = await api.host(hostA);
  const b = await api.host(hostB);
  await api.create({ name: 'x' });
  return { api, a, b };
}
const serialOf = (assignment: { storage?: unknown }): string =>
  (assignment.storage as { volumeId: string }).volumeId.replace('-', '');

const hostRoutes = (Object.entries(routes) as [string, Route][]).filter(
  ([, { served }]) => served === 'hosts',
);
const part = { partNumber: 1, sizeBytes: 1, sha256: `${'A'.repeat(43)}=` };
/** A body that each host route takes. */
const bodies: Record<string, object> = {
  registerHost: { bootId: randomUUID(), agentVersion: '1', hostname: 'h', drivers: ['ebs'] },
  syncHost: { bootId: randomUUID(), observed: [] },
  hostCreateVolume: { name: 'y' },
  claimVolume: { bootId: randomUUID() },
  setLease: { bootId: randomUUID(), epoch: 1, inUse: true },
  takeTicket: { bootId: randomUUID(), epoch: 1, serial: 'vol0123456789abcdef0' },
  reportFormatted: { bootId: randomUUID(), epoch: 1, uuid: randomUUID(), mounted: true },
  releaseVolume: { bootId: randomUUID(), epoch: 1 },
  cutVolume: { bootId: randomUUID(), epoch: 1 },
  reportTask: { bootId: randomUUID(), result: { outcome: 'done' } },
  signExportParts: { bootId: randomUUID(), attempt: randomUUID(), parts: [part] },
  completeExport: {
    bootId: randomUUID(),
    attempt: randomUUID(),
    parts: [{ ...part, etag: 'e' }],
    sizeBytes: 1,
    sha256: '0'.repeat(64),
  },
  importSource: { bootId: randomUUID() },
  taskManifest: { bootId: randomUUID(), want: 'read' },
  grantRepository: { bootId: randomUUID() },
  reportPurged: { accessPointId: 'fsap-0123456789abcdef0' },
};

describe('identity', () => {
  const strangers = {
    'a user': alice,
    'a role of another name': { ...sessionOf(hostA), userId: `AROASOMETHINGELSE9876:${hostA}` },
    'a session that is no instance': { ...sessionOf(hostA), userId: `${roleId}:alice` },
    'a session with more behind it': { ...sessionOf(hostA), userId: `${roleId}:${hostA}:x` },
    'the role without a session': { ...sessionOf(hostA), userId: roleId },
  };
  it.each(hostRoutes)('%s refuses everybody who is no host, and calls without IAM', async (name, route) => {
    const { api } = await attached();
    const operation = 'op-00000000000000000000000000';
    const path = route.path
      .replace('{name}', 'x')
      .replace('{volumeId}', volumeId)
      .replace('{operation}', operation);
    const request = {
      method: route.method,
      path,
      ...(bodies[name] === undefined ? {} : { body: bodies[name] }),
    };
    for (const iam of [...Object.values(strangers), null]) {
      const answer = await api.send({ ...request, iam });
      expect([iam, answer.status, answer.body.code]).toEqual([iam, 403, 'AccessDenied']);
    }
  });

  it('a people’s route without IAM is refused as well', async () => {
    const answer = await new ApiWorld().send({ path: '/v1/namespaces/default/volumes', iam: null });
    expect(answer).toMatchObject({ status: 403, body: { code: 'AccessDenied' } });
  });

  it.each(['setLease', 'takeTicket', 'reportFormatted', 'releaseVolume', 'reportPurged'])(
    '%s on what another host has is refused, and changes nothing',
    async (name) => {
      const { api, a, b } = await attached();
      const held = await a.take('x');
      await a.lease(held, true);
      const before = await api.world.volume('x');
      const route = routes[name as 'setLease'];
      const path = route.path.replace('/v1/host/', '').replace('{volumeId}', held.volumeId);
      const body = { ...bodies[name], ...(name === 'reportPurged' ? {} : { bootId: b.bootId }) };
      const answer = await b.send('POST', path, body);
      expect(answer).toMatchObject({
        status: 403,
        body: { code: name === 'reportPurged' ? 'AccessDenied' : 'StaleEpoch' },
      });
      expect(await api.world.volume('x')).toEqual(before);
    },
  );

  it('a claim of what another host uses is refused with its name', async () => {
    const { a, b } = await attached();
    await a.lease(await a.take('x'), true);
    expect(await b.claim('x')).toMatchObject({
      status: 409,
      body: { code: 'VolumeBusy', about: { hosts: hostA } },
    });
  });

  it('a report on what another host has is not written', async () => {
    const { api, a, b } = await attached();
    const held = await a.take('x');
    await b.sync([{ volumeId: held.volumeId, epoch: held.epoch, mounted: true, containers: ['evil'] }]);
    expect((await api.world.volume('x')).observations).toEqual([]);
  });

  it('volumes of another namespace are not there', async () => {
    const { api, a } = await attached();
    await api.post('/v1/namespaces/other/volumes', { name: 'secret' });
    expect((await a.send('GET', 'volumes/secret')).status).toBe(404);
    expect((await a.claim('secret')).status).toBe(404);
    expect((await a.send('DELETE', 'volumes/secret')).status).toBe(404);
    expect((await a.send('GET', 'volumes')).body.items.map(({ name }: { name: string }) => name)).toEqual([
      'x',
    ]);
  });
});

describe('register', () => {
  it('takes namespace, zone and type from EC2, makes the queue, and says how often to sync', async () => {
    const api = new ApiWorld();
    api.world.instances.set(hostA, {
      availabilityZone: 'us-east-1c',
      tags: { 'hivemind:host-namespace': 'team-a' },
    });
    const { body } = await api.host(hostA, 'us-east-1c').then((host) => host.register());
    expect(body).toMatchObject({
      host: {
        id: hostA,
        namespace: 'team-a',
        availabilityZone: 'us-east-1c',
        instanceState: 'running',
        revision: 2,
      },
      queueUrl: expect.stringContaining(`hivemind-host-${hostA}`) as string,
      pollSeconds: 20,
    });
    expect(api.queues[0]).toMatchObject({
      hostId: hostA,
      caller: { userId: `${roleId}:${hostA}` },
      namespace: 'team-a',
    });
  });

  it('must come first, and again after a boot', async () => {
    const api = new ApiWorld();
    await api.create({ name: 'x' });
    const host = await api.host(hostA);
    const other = await api.host(hostB);
    api.world.store.items.delete(`HOST#${hostB}\u0000HOST`);
    expect((await other.claim('x')).body.code).toBe('HostNotFound');
    const held = await host.take('x');
    const oldBoot = host.bootId;
    host.bootId = randomUUID();
    expect((await host.lease(held, true)).body).toMatchObject({ code: 'StaleEpoch', allowed: oldBoot });
    await host.register();
    expect((await host.lease(held, true)).status).toBe(200);
    expect((await api.world.volume('x')).lease).toMatchObject({ bootId: host.bootId });
  });

  it('keeps devices, drain and attachments, and moves to another namespace with empty hands only', async () => {
    const { api, a } = await attached();
    const held = await a.take('x');
    api.world.instances.set(hostA, { tags: { 'hivemind:host-namespace': 'other' } });
    expect((await a.register()).body.code).toBe('IllegalState');
    await a.release(held);
    await api.work();
    expect((await a.register()).body.host.namespace).toBe('other');
    expect((await api.get('/v1/namespaces/default/hosts')).body.items).toMatchObject([{ id: hostB }]);
    expect((await api.get('/v1/namespaces/other/hosts')).body.items).toMatchObject([{ id: hostA }]);
  });

  it('waits for EC2 to know the instance, and refuses a tag that is no namespace', async () => {
    const api = new ApiWorld();
    const host = await api.host(hostA);
    api.world.instances.set(hostA, { tags: { 'hivemind:host-namespace': 'Not One' } });
    expect((await host.register()).body).toMatchObject({ code: 'InvalidInput', value: 'Not One' });
    api.world.instances.forget(hostA);
    expect((await host.register()).body).toMatchObject({ code: 'Unavailable', retryable: true });
  });
});

describe('claim and lease', () => {
  it('a claim answers 202 until AWS has attached it, then 200 with what the agent needs', async () => {
    const { api, a } = await attached();
    const first = await a.claim('x');
    expect(first).toMatchObject({
      status: 202,
      body: { ready: false, assignment: { actual: 'attaching', desired: 'attached', epoch: 1 } },
    });
    expect((await a.claim('x')).body.operation).toBe(first.body.operation);
    await api.work();
    expect(await a.claim('x')).toMatchObject({
      status: 200,
      body: {
        ready: true,
        assignment: {
          name: 'x',
          actual: 'attached',
          inUse: false,
          filesystem: { state: 'blank', type: 'ext4' },
          storage: { kind: 'ebs' },
        },
      },
    });
  });

  it('inUse can be set once attached, survives repeats, and is cleared', async () => {
    const { api, a } = await attached();
    const { body } = await a.claim('x');
    expect((await a.lease(body.assignment, true)).body.code).toBe('OperationInProgress');
    await api.work();
    const held = await a.take('x');
    const set = await a.lease(held, true);
    expect(set).toMatchObject({
      status: 200,
      body: { epoch: 1, inUse: true, filesystem: { state: 'blank' } },
    });
    expect(await a.lease(held, true)).toEqual(set);
    expect((await a.assignment('x'))?.inUse).toBe(true);
    await a.lease(held, false);
    await a.lease(held, false);
    expect((await api.world.volume('x')).lease).toMatchObject({ inUse: false });
  });

  it('the first use of a network volume is remembered: from then on there is something to back up', async () => {
    const { api, a } = await attached();
    await api.create({ name: 'n', type: 'network' });
    await api.world.run(await api.world.lastOperation('n'));
    const held = await a.take('n');
    expect((await api.world.volume('n')).used).toBeUndefined();
    await a.lease(held, true, randomUUID());
    const { used } = await api.world.volume('n');
    expect(used?.at).toBe(api.world.clock().toISOString());
    await a.lease(held, false);
    api.world.pass(60);
    await a.lease(held, true, randomUUID());
    expect((await api.world.volume('n')).used).toEqual(used);
  });

  it.each(['x', 'h'])('the late end of one use does not end the next one (%s)', async (name) => {
    const { api, a } = await attached();
    await api.create({ name: 'h', type: 'hostpath', options: { path: '/srv/h' } });
    const held = await a.take(name);
    const [first, second] = [randomUUID(), randomUUID()];
    await a.lease(held, true, first);
    await a.lease(held, true, second);
    expect(await a.assignment(name)).toMatchObject({ inUse: true, use: second });
    expect((await a.lease(held, false, first)).body.code).toBe('StaleEpoch');
    expect((await a.assignment(name))?.inUse).toBe(true);
    expect((await a.lease(held, false, second)).status).toBe(200);
    expect(await a.assignment(name)).toMatchObject({ inUse: false });
    expect((await a.lease(held, false, first)).status).toBe(200);
  });

  it('an epoch that is not the current one is refused', async () => {
    const { a } = await attached();
    const held = await a.take('x');
    for (const epoch of [0, 2]) {
      expect((await a.lease({ ...held, epoch }, true)).body).toMatchObject({
        code: 'StaleEpoch',
        value: epoch,
      });
    }
  });

  it('of a volume that many hosts have, each has its own', async () => {
    const { api, a, b } = await attached();
    await api.create({ name: 'h', type: 'hostpath', options: { path: '/srv/h' } });
    const ofA = (await a.claim('h')).body.assignment;
    const ofB = (await b.claim('h')).body.assignment;
    await a.lease(ofA, true);
    expect((await api.volume('h')).attachments).toMatchObject([
      { host: hostA, inUse: true },
      { host: hostB, inUse: false },
    ]);
    expect((await b.release(ofB)).body).toMatchObject({ hosts: [hostA] });
    expect((await a.release(ofA)).body.code).toBe('VolumeBusy');
    const again = (await b.claim('h')).body.assignment;
    expect(again.epoch).toBeGreaterThan(ofB.epoch);
    expect((await b.lease(ofB, true)).body.code).toBe('StaleEpoch');
  });

  it('release hands back what is idle; asked twice it is one operation', async () => {
    const { api, a } = await attached();
    const held = await a.take('x');
    await a.lease(held, true);
    expect((await a.release(held)).body.code).toBe('VolumeBusy');
    await a.lease(held, false);
    const first = await a.release(held);
    expect(first).toMatchObject({ status: 202, body: { kind: 'detach' } });
    expect((await a.release(held)).body.id).toBe(first.body.id);
    await api.work();
    expect((await a.sync()).assignments).toEqual([]);
    expect((await a.release(held)).body.code).toBe('StaleEpoch');
  });
});

describe('the format ticket', () => {
  it('is given once for a blank volume, the same again until the format is reported, and never after', async () => {
    const { a } = await attached();
    const held = await a.take('x');
    await a.lease(held, true);
    const first = await a.ticket(held, serialOf(held));
    expect(first).toMatchObject({ status: 200, body: { type: 'ext4', renewed: false, epoch: 1 } });
    const again = await a.ticket(held, serialOf(held));
    expect(again.body).toEqual({ ...first.body, renewed: true });
    const { uuid } = first.body;
    expect((await a.formatted(held, uuid, false)).body.filesystem).toMatchObject({
      state: 'formatted',
      mounted: false,
    });
    expect((await a.ticket(held, serialOf(held))).body.code).toBe('TicketRefused');
    expect((await a.formatted(held, uuid, true)).body.filesystem).toMatchObject({ mounted: true });
    expect((await a.formatted(held, uuid, false)).body.filesystem).toMatchObject({ mounted: true });
    expect((await a.ticket(held, serialOf(held))).body.code).toBe('TicketRefused');
  });

  it('is renewed with the same UUID on the next host, when the first one died in the middle', async () => {
    const { api, a, b } = await attached();
    const held = await a.take('x');
    await a.lease(held, true);
    const { uuid } = (await a.ticket(held, serialOf(held))).body;
    api.world.instances.set(hostA, { state: 'terminated' });
    const next = await b.take('x');
    await b.lease(next, true);
    expect((await b.ticket(next, serialOf(next))).body).toMatchObject({ uuid, renewed: true, epoch: 2 });
    expect((await a.formatted(held, uuid, true)).body.code).toBe('StaleEpoch');
  });

  it.each([
    ['before the volume is in use', false, (serial: string) => serial],
    ['for another serial', true, () => 'vol0ffffffffffffffff'],
  ])('is refused %s', async (_, inUse, serial) => {
    const { a } = await attached();
    const held = await a.take('x');
    await a.lease(held, inUse);
    expect(await a.ticket(held, serial(serialOf(held)))).toMatchObject({
      status: 403,
      body: { code: 'TicketRefused' },
    });
  });

  it('a format that was not its own is refused', async () => {
    const { a } = await attached();
    const held = await a.take('x');
    await a.lease(held, true);
    expect((await a.formatted(held, randomUUID(), true)).body.code).toBe('TicketRefused');
    await a.ticket(held, serialOf(held));
    expect((await a.formatted(held, randomUUID(), true)).body.code).toBe('TicketRefused');
  });

  it('is for block devices only', async () => {
    const { api, a } = await attached();
    await api.create({ name: 'h', type: 'hostpath', options: { path: '/srv/h' } });
    const held = (await a.claim('h')).body.assignment;
    expect((await a.ticket(held, 'vol0123')).body.code).toBe('TicketRefused');
  });
});
