import { describe, expect, it } from 'vitest';
import { ApiWorld } from '#test/support/api-world.ts';

const policies = '/v1/namespaces/default/policies';
const nightly = {
  name: 'nightly',
  schedule: '0 2 * * 1-5',
  timezone: 'Europe/Berlin',
  selector: 'backup=true',
  retention: { last: 3, daily: 7 },
};
const patch = (api: ApiWorld, body: object, headers = {}) =>
  api.send({ method: 'PATCH', path: `${policies}/nightly`, body, headers });

describe('creating a policy', () => {
  it('makes its schedule and its alarm, and then it is active', async () => {
    const api = new ApiWorld();
    const { status, headers, body } = await api.post(policies, nightly);
    expect([status, headers['location']]).toEqual([201, `${policies}/nightly`]);
    expect(body).toMatchObject({
      ...nightly,
      state: 'active',
      engine: 'native',
      objectiveSeconds: 2 * 3 * 86_400,
      // The clock of the test: Monday, 2026-11-23, 12:00 UTC.
      nextRun: '2026-11-24T01:00:00.000Z',
    });
    const { schedules, alarms } = api.world.policies;
    expect([...schedules.values()]).toEqual([
      {
        policyId: body.id,
        expression: 'cron(0 2 ? * 2-6 *)',
        timezone: 'Europe/Berlin',
        enabled: true,
        description: 'Hivemind Volumes: backup policy default/nightly',
      },
    ]);
    expect([...alarms.values()]).toEqual([
      {
        policy: { policyId: body.id, name: 'nightly', namespace: 'default' },
        alarms: new Set(['volumes']),
      },
    ]);
  });

  it('again with the same settings gives the same one, with others NameTaken', async () => {
    const api = new ApiWorld();
    const { body } = await api.post(policies, nightly);
    const again = await api.post(policies, nightly);
    expect([again.status, again.body.id]).toEqual([200, body.id]);
    const other = await api.post(policies, { ...nightly, timezone: 'UTC' });
    expect([other.status, other.body.code, other.body.detail]).toEqual([
      409,
      'NameTaken',
      'The policy "nightly" has another timezone.',
    ]);
  });

  it.each([
    [{ engine: 'tar' }, 'InvalidInput'],
    [{ copyTo: 'ap-southeast-2' }, 'InvalidInput'],
    [{ copyTo: 'us-east-1' }, 'InvalidInput'],
    [{ schedule: '0 2 1 * 1' }, 'InvalidInput'],
    [{ selector: '' }, 'InvalidInput'],
    [{ retention: { last: 0 } }, 'InvalidInput'],
    [{ objective: '1m' }, 'InvalidInput'],
  ])('with %j is refused: %s', async (parts, code) => {
    const api = new ApiWorld();
    const { body } = await api.post(policies, { ...nightly, ...parts });
    expect(body.code).toBe(code);
    expect(api.world.policies.schedules.size).toBe(0);
  });
});

describe('changing a policy', () => {
  it('changes its schedule; what is not given stays', async () => {
    const api = new ApiWorld();
    const { body } = await api.post(policies, nightly);
    const changed = await patch(api, { schedule: '30 4 * * *', objective: '26h' });
    expect(changed.body).toMatchObject({
      id: body.id,
      schedule: '30 4 * * *',
      timezone: 'Europe/Berlin',
      objectiveSeconds: 26 * 3_600,
      state: 'active',
    });
    expect(api.world.policies.schedules.get(body.id)?.expression).toBe('cron(30 4 * * ? *)');
  });

  it('under an old ETag is refused', async () => {
    const api = new ApiWorld();
    const { headers } = await api.post(policies, nightly);
    await patch(api, { description: 'a' });
    const ifMatch = { 'if-match': headers['etag'] ?? '' };
    const refused = await patch(api, { description: 'b' }, ifMatch);
    expect([refused.status, refused.body.code]).toEqual([412, 'StaleRevision']);
  });

  it('while another change may still be on its way to AWS is refused', async () => {
    const api = new ApiWorld();
    await api.post(policies, nightly);
    const { policies: parts } = api.world;
    parts.around = () => Promise.reject(new TypeError('killed'));
    await patch(api, { schedule: '0 3 * * *' });
    parts.around = (_effect, perform) => Promise.resolve(perform());
    const refused = await patch(api, { schedule: '0 4 * * *' });
    expect([refused.status, refused.body.code]).toEqual([409, 'OperationInProgress']);
    api.world.pass(36);
    expect((await patch(api, { schedule: '0 4 * * *' })).body.state).toBe('active');
  });

  it('pause switches the schedule off and keeps the alarm; resume switches it on', async () => {
    const api = new ApiWorld();
    const { body } = await api.post(policies, nightly);
    const { schedules, alarms } = api.world.policies;
    const paused = await api.send({ method: 'POST', path: `${policies}/nightly/pause` });
    expect(paused.body).toMatchObject({ state: 'paused' });
    expect(paused.body.nextRun).toBeUndefined();
    expect([schedules.get(body.id)?.enabled, alarms.size]).toEqual([false, 1]);
    const resumed = await api.send({ method: 'POST', path: `${policies}/nightly/resume` });
    expect([resumed.body.state, schedules.get(body.id)?.enabled]).toEqual(['active', true]);
  });

  it('delete removes schedule, alarm and policy; the name is free', async () => {
    const api = new ApiWorld();
    await api.post(policies, nightly);
    const { status } = await api.send({ method: 'DELETE', path: `${policies}/nightly` });
    expect(status).toBe(200);
    const { schedules, alarms } = api.world.policies;
    expect([schedules.size, alarms.size]).toEqual([0, 0]);
    expect((await api.get(`${policies}/nightly`)).body.code).toBe('PolicyNotFound');
    expect((await api.post(policies, { ...nightly, timezone: 'UTC' })).status).toBe(201);
  });

  it('lists policies by name, in pages', async () => {
    const api = new ApiWorld();
    for (const name of ['b', 'a', 'c']) await api.post(policies, { ...nightly, name });
    const first = await api.get(policies, 'limit=2');
    const second = await api.get(policies, `limit=2&cursor=${first.body.cursor}`);
    const names = [...first.body.items, ...second.body.items].map(({ name }: { name: string }) => name);
    expect(names).toEqual(['a', 'b', 'c']);
  });
});

describe('a run by hand', () => {
  it('is begun once for one Idempotency-Key', async () => {
    const api = new ApiWorld();
    await api.post(policies, nightly);
    const headers = { 'idempotency-key': 'k' };
    const once = () => api.send({ method: 'POST', path: `${policies}/nightly/runs`, headers });
    const first = await once();
    api.world.pass(5);
    const second = await once();
    expect([first.status, second.body]).toEqual([202, first.body]);
    expect(api.world.policies.startedRuns).toEqual([first.body.id]);
    expect((await api.get(`${policies}/nightly/runs`)).body.items).toEqual([first.body]);
    expect((await api.get(`${policies}/nightly/runs/${first.body.id}`)).body).toEqual(first.body);
  });
});

describe('the hooks of a policy', () => {
  const hooks = { before: ['sync'], timeoutSeconds: 30, onError: 'fail' };

  it('imply their consistency, and go with another one', async () => {
    const api = new ApiWorld();
    await api.post(policies, { ...nightly, consistency: 'none' });
    const hooked = (await patch(api, { hooks: { before: ['sync'] } })).body;
    expect(hooked).toMatchObject({ hooks });
    expect(hooked).not.toHaveProperty('consistency');
    expect((await patch(api, { consistency: 'hooks' })).body).toMatchObject({ consistency: 'hooks', hooks });
    const frozen = (await patch(api, { consistency: 'freeze' })).body;
    expect(frozen).toMatchObject({ consistency: 'freeze' });
    expect(frozen).not.toHaveProperty('hooks');
  });

  it('that would never run are refused', async () => {
    const api = new ApiWorld();
    const refused = await api.post(policies, { ...nightly, consistency: 'none', hooks });
    expect(refused).toMatchObject({ status: 400, body: { code: 'InvalidInput', allowed: 'hooks' } });
  });
});
