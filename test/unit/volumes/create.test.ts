import { mapLimit } from '#shared/model/map-limit.ts';
import { describe, expect, it } from 'vitest';
import { ApiWorld, alice, bob } from '#test/support/api-world.ts';

const hostA = 'i-0000000000000000a';
const hostB = 'i-0000000000000000b';
const volumes = '/v1/namespaces/default/volumes';

describe('create', () => {
  it('answers 202 with an operation, whose end is the volume', async () => {
    const api = new ApiWorld();
    const answer = await api.post(volumes, { name: 'data', availabilityZone: 'us-east-1a' });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      kind: 'create',
      volume: 'data',
      status: 'pending',
      caller: alice.userArn,
    });
    expect(answer.headers['location']).toBe(`/v1/namespaces/default/operations/${answer.body.id}`);
    await api.work();
    expect((await api.get(answer.headers['location'] ?? '')).body).toMatchObject({
      status: 'succeeded',
      progress: 100,
    });
    expect(await api.volume('data')).toMatchObject({
      state: 'available',
      type: 'local',
      driver: 'ebs',
      size: '10G',
      sizeBytes: 10 * 2 ** 30,
      provisionedGiB: 10,
      filesystem: 'ext4',
      format: 'blank',
      encrypted: true,
      hosts: [],
      attachments: [],
      createdBy: alice.userArn,
    });
  });

  it('keeps the size as it was asked, and shows the whole GiB that AWS sells', async () => {
    const api = new ApiWorld();
    await api.create({ name: 'small', size: '500M', availabilityZone: 'us-east-1a' });
    expect(await api.volume('small')).toMatchObject({
      size: '500M',
      sizeBytes: 524288000,
      provisionedGiB: 1,
    });
  });

  it('with the same name and parameters is the same volume, also while it is being made', async () => {
    const api = new ApiWorld();
    const body = {
      name: 'data',
      size: '1Gi',
      labels: { app: 'db', env: 'prod' },
      availabilityZone: 'us-east-1a',
    };
    const first = await api.post(volumes, body);
    const second = await api.post(volumes, { ...body, size: 2 ** 30, labels: { env: 'prod', app: 'db' } });
    expect(second.status).toBe(202);
    expect(second.body.id).toBe(first.body.id);
    await api.work();
    const third = await api.post(volumes, { ...body, availabilityZone: undefined });
    expect(third.status).toBe(200);
    expect(third.body.id).toBe(first.body.volumeId);
    expect(api.world.storage.truth.volumes.size).toBe(1);
  });

  it('twice at once makes one volume', async () => {
    const api = new ApiWorld();
    const body = { name: 'data', availabilityZone: 'us-east-1a' };
    const answers = await mapLimit([1, 2, 3], 3, () => api.post(volumes, body));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    await api.work();
    expect(api.world.storage.truth.volumes.size).toBe(1);
  });

  it('with other parameters is a conflict that names them', async () => {
    const api = new ApiWorld();
    await api.create({ name: 'data', size: '1G', labels: { a: '1' }, availabilityZone: 'us-east-1a' });
    const other = await api.post(volumes, {
      name: 'data',
      size: '2G',
      labels: { a: '2' },
      availabilityZone: 'us-east-1b',
    });
    expect(other.status).toBe(409);
    expect(other.body).toMatchObject({
      code: 'NameTaken',
      detail: '"data" exists with other parameters: size, labels, availabilityZone.',
    });
  });

  it('places a volume in the only zone that hosts are in, and leaves it unplaced where there are several or none', async () => {
    const api = new ApiWorld();
    expect((await api.create({ name: 'none' })).body).toMatchObject({ state: 'unplaced' });
    await api.host(hostA, 'us-east-1a');
    await api.create({ name: 'one' });
    expect(await api.volume('one')).toMatchObject({ state: 'available', availabilityZone: 'us-east-1a' });
    await api.host(hostB, 'us-east-1b');
    expect((await api.create({ name: 'two' })).body).toMatchObject({ state: 'unplaced' });
    expect((await api.create({ name: 'two' })).status).toBe(200);
  });

  it('goes to no zone when a host of another one stands behind very many of the first', async () => {
    const api = new ApiWorld();
    for (let at = 0; at < 205; at++) await api.world.addHost(`i-${String(at).padStart(17, '0')}`);
    await api.host('i-fffffffffffffffff', 'us-east-1b');
    expect((await api.create({ name: 'one' })).body).toMatchObject({ state: 'unplaced' });
  });

  it.each([
    [
      'hostpath',
      { options: { path: '/data/web' } },
      { driver: 'bind', encrypted: false, options: { path: '/data/web' } },
    ],
    ['ephemeral', { size: '64M' }, { driver: 'tmpfs', encrypted: false, size: '64M' }],
    ['ephemeral', {}, { driver: 'tmpfs' }],
    ['ephemeral', { encrypted: false }, { driver: 'tmpfs', encrypted: false }],
  ])('of type %s %j is there at once', async (type, parts, expected) => {
    const api = new ApiWorld();
    const answer = await api.create({ name: 'x', type, ...parts });
    expect(answer.status).toBe(201);
    expect(answer.headers['location']).toBe(`${volumes}/x`);
    expect(answer.headers['etag']).toBe('"1"');
    expect(answer.body).toMatchObject({ state: 'available', format: 'none', ...expected });
    expect(api.world.started).toEqual([]);
  });

  it('of type network is an operation of its worker', async () => {
    const api = new ApiWorld();
    const answer = await api.post(volumes, { name: 'shared', type: 'network' });
    expect(answer.status).toBe(202);
    expect(await api.world.operation(answer.body.id)).toMatchObject({ driver: 'efs', kind: 'create' });
    expect(await api.volume('shared')).toMatchObject({ state: 'creating', driver: 'efs', encrypted: true });
  });

  it('whose execution could not be started answers 202 all the same: the sweeper starts it', async () => {
    const api = new ApiWorld();
    Object.assign(api.world.api.workflow, { start: () => Promise.reject(new Error('throttled')) });
    const answer = await api.post(volumes, { name: 'data', availabilityZone: 'us-east-1a' });
    expect(answer.status).toBe(202);
    const unfinished = await api.world.table.listUnfinishedOperations('2099');
    expect(unfinished.map(({ id }) => id)).toEqual([answer.body.id]);
    expect(api.log.some(({ message }) => message === 'operation not started yet')).toBe(true);
  });
});

describe('idempotency', () => {
  const key = (value: string, iam = alice) => ({ headers: { 'Idempotency-Key': value }, iam });

  it('a key stands for one request: its answer is rendered from the live record', async () => {
    const api = new ApiWorld();
    const body = { name: 'data', availabilityZone: 'us-east-1a' };
    const first = await api.post(volumes, body, key('k1'));
    await api.work();
    const second = await api.post(volumes, body, key('k1'));
    expect(second.status).toBe(202);
    expect(second.body).toMatchObject({ id: first.body.id, status: 'succeeded' });
  });

  it('a key with another body is refused', async () => {
    const api = new ApiWorld();
    await api.post(volumes, { name: 'data' }, key('k1'));
    const other = await api.post(volumes, { name: 'data', size: '2G' }, key('k1'));
    expect(other).toMatchObject({ status: 409, body: { code: 'IdempotencyMismatch', value: 'k1' } });
    expect((await api.post(volumes, { name: 'other' }, key('k1'))).body.code).toBe('IdempotencyMismatch');
  });

  it('keys of two callers and two namespaces do not meet', async () => {
    const api = new ApiWorld();
    await api.post(volumes, { name: 'data' }, key('k1'));
    expect((await api.post(volumes, { name: 'mine' }, key('k1', bob))).status).toBe(201);
    expect((await api.post('/v1/namespaces/other/volumes', { name: 'x' }, key('k1'))).status).toBe(201);
  });

  it('holds for creates that are done at once, after the volume has changed, and after it has gone', async () => {
    const api = new ApiWorld();
    const body = { name: 'tmp', type: 'ephemeral' };
    const first = await api.post(volumes, body, key('k1'));
    await api.send({ method: 'PATCH', path: `${volumes}/tmp`, body: { description: 'changed' } });
    const second = await api.post(volumes, body, key('k1'));
    expect(second).toMatchObject({ status: 201, body: { id: first.body.id, description: 'changed' } });
    await api.send({ method: 'DELETE', path: `${volumes}/tmp` });
    expect((await api.post(volumes, body, key('k1'))).body).toMatchObject({
      id: first.body.id,
      state: 'deleted',
    });
  });

  it('two requests at once with one key make one volume', async () => {
    const api = new ApiWorld();
    const body = { name: 'data', availabilityZone: 'us-east-1a' };
    const answers = await mapLimit([1, 2, 3], 3, () => api.post(volumes, body, key('k1')));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
  });
});

describe('the audit trail', () => {
  it('has one line per change, refused ones too, with the caller and what it was about', async () => {
    const api = new ApiWorld();
    await api.create({ name: 'data' });
    await api.create({ name: '-' });
    await api.get(volumes);
    expect(api.log.filter(({ message }) => message === 'audit').map(({ data }) => data['audit'])).toEqual([
      expect.objectContaining({
        route: 'createVolume',
        namespace: 'default',
        caller: alice.userArn,
        callerId: alice.userId,
        status: 201,
        name: 'data',
      }),
      expect.objectContaining({ route: 'createVolume', status: 400, code: 'InvalidInput' }),
    ]);
  });
});
