import { expect, test } from 'vitest';
import { roleSession } from '#local/imds/role-session.ts';
import type { SessionCredentials } from '#local/imds/role-session.ts';

const HOUR = 3_600_000;

function world() {
  const state = { now: Date.parse('2026-11-23T10:00:00Z'), calls: 0, away: false, lost: false };
  const assume = async (): Promise<SessionCredentials> => {
    if (state.away) throw new TypeError('the cloud is away');
    state.calls += 1;
    return {
      Code: 'Success',
      LastUpdated: new Date(state.now).toISOString(),
      Type: 'AWS-HMAC',
      AccessKeyId: `ASIA${state.calls}`,
      SecretAccessKey: 'secret',
      Token: 'token',
      Expiration: new Date(state.now + HOUR).toISOString(),
    };
  };
  const stillKnown = () => Promise.resolve(!state.lost);
  return { state, session: roleSession('role', { assume, stillKnown, now: () => state.now }) };
}

test('one session serves until five minutes before its end', async () => {
  const { state, session } = world();
  expect((await session.credentials()).AccessKeyId).toBe('ASIA1');
  state.now += HOUR - 6 * 60_000;
  expect((await session.credentials()).AccessKeyId).toBe('ASIA1');
  state.now += 2 * 60_000;
  expect((await session.credentials()).AccessKeyId).toBe('ASIA2');
});

test('a session that the cloud has lost gives way to another', async () => {
  const { state, session } = world();
  await session.credentials();
  state.lost = true;
  expect((await session.credentials()).AccessKeyId).toBe('ASIA2');
});

test('callers at the same time share one AssumeRole', async () => {
  const { state, session } = world();
  await Promise.all([session.credentials(), session.credentials(), session.credentials()]);
  expect(state.calls).toBe(1);
});

test('while the cloud is away the old session serves until it ends', async () => {
  const { state, session } = world();
  await session.credentials();
  state.away = true;
  state.now += HOUR - 60_000;
  expect((await session.credentials()).AccessKeyId).toBe('ASIA1');
  state.now += 2 * 60_000;
  await expect(session.credentials()).rejects.toThrow('away');
  state.away = false;
  expect((await session.credentials()).AccessKeyId).toBe('ASIA2');
});
