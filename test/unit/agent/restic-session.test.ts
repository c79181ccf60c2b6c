import { afterEach, describe, expect, it } from 'vitest';
import { ProductError } from '#shared/model/errors.ts';
import type { RepositoryGrant } from '#shared/model/repository.ts';
import { openSession, type Session } from '#agent/restic/session.ts';

const start = Date.parse('2026-11-30T02:00:00Z');
const minute = 60_000;
let session: Session | undefined;
afterEach(async () => {
  await session?.close();
});

/** Grants of an hour each, under a clock of the test. */
function grants() {
  const state = { now: start, given: 0, fails: false };
  const grant = (begin: boolean): Promise<RepositoryGrant> => {
    if (state.fails) return Promise.reject(new ProductError('Unavailable', 'away'));
    state.given += 1;
    return Promise.resolve({
      url: 's3:https://s3.invalid/b/p',
      region: 'eu-central-1',
      password: begin ? 'new' : 'old',
      credentials: {
        accessKeyId: `key ${state.given}`,
        secretAccessKey: 'secret',
        sessionToken: 'token',
        expiresAt: new Date(state.now + 60 * minute).toISOString(),
      },
    });
  };
  return { state, open: () => openSession({ grant, now: () => state.now }) };
}

const ask = (from: Session, authorization?: string): Promise<Response> =>
  fetch(from.environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '', {
    headers: { authorization: authorization ?? from.environment['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '' },
  });

describe('the keys of a repository', () => {
  it('are renewed before they end, for as long as restic runs', async () => {
    const { state, open } = grants();
    session = await open();
    expect(session.environment['AWS_DEFAULT_REGION']).toBe('eu-central-1');
    const keys = async () =>
      ((await (await ask(session as Session)).json()) as { AccessKeyId: string }).AccessKeyId;
    expect(await keys()).toBe('key 1');
    state.now += 54 * minute;
    expect(await keys()).toBe('key 1');
    state.now += 2 * minute;
    expect(await Promise.all([keys(), keys()])).toEqual(['key 2', 'key 2']);
    for (let hour = 1; hour <= 3; hour++) {
      state.now += 60 * minute;
      expect(await keys()).toBe(`key ${2 + hour}`);
    }
  });

  it('are asked for again when the control plane was away', async () => {
    const { state, open } = grants();
    session = await open();
    state.now += 58 * minute;
    state.fails = true;
    expect((await ask(session)).status).toBe(503);
    state.fails = false;
    expect(await (await ask(session)).json()).toMatchObject({
      Code: 'Success',
      Token: 'token',
      AccessKeyId: 'key 2',
    });
  });

  it('are given to the child that has the token, and to nobody else', async () => {
    session = await grants().open();
    expect((await ask(session, 'x')).status).toBe(403);
    expect((await ask(session, '')).status).toBe(403);
    const other = await grants().open();
    expect((await ask(session, other.environment['AWS_CONTAINER_AUTHORIZATION_TOKEN'])).status).toBe(403);
    await other.close();
    expect(new URL(session.environment['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '').hostname).toBe(
      '127.0.0.1',
    );
  });

  it('come with another password once a repository is begun', async () => {
    session = await grants().open();
    expect(session.password()).toBe('old');
    await session.begin();
    expect(session.password()).toBe('new');
    expect(JSON.stringify(session.environment)).not.toContain('new');
  });
});
