import { beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { HostTask } from '#shared/model/task.ts';
import type { VerifyReport } from '#shared/model/verify.ts';
import { ApiWorld, type ApiAnswer, type HostActor } from '#test/support/api-world.ts';
import { done, passed as ofSnapshot } from './support/drills.ts';

const a = 'i-0000000000000000a';
const b = 'i-0000000000000000b';
const of = (path: string) => `/v1/namespaces/default/${path}`;
const passed: VerifyReport = { ...ofSnapshot, archive: true, mark: false, mountSeconds: 7 };
const failed: VerifyReport = { ...passed, outcome: 'failed', wrong: 1, mismatches: ['"a": is missing'] };
const manifest = { sha256: 'c'.repeat(64), bytes: 100, entries: 4, hashed: 3 };

let api: ApiWorld;
let host: HostActor;
beforeEach(async () => {
  api = new ApiWorld();
  host = await api.host(a);
  await api.create({ name: 'folder', type: 'hostpath', options: { path: '/data/folder' } });
});

const run = async (id: string, times = 3): Promise<ApiAnswer['body']> => {
  await api.world.run(id, times);
  return (await api.get(of(`operations/${id}`))).body;
};
const say = (id: string, result: object, who = host): Promise<ApiAnswer> =>
  who.send('POST', `tasks/${id}/result`, { bootId: who.bootId, result });
const cannot = (id: string, code: string, who = host): Promise<ApiAnswer> =>
  say(id, { outcome: 'failed', error: { code, detail: `not here: ${code}` } }, who);
const tasks = async (who = host): Promise<HostTask[]> => (await who.sync()).tasks;
const get = async (id: string): Promise<Backup> => (await api.get(of(`backups/${id}`))).body as Backup;
const about = (id: string, body: object, who = host): Promise<ApiAnswer> =>
  who.send('POST', `tasks/${id}/manifest`, { bootId: who.bootId, ...body });

/** A backup that host A has made. */
async function made(volume = 'folder', body: object = {}): Promise<{ id: string; operation: string }> {
  const begun = (await api.post(of(`volumes/${volume}/backups`), body)).body as Record<string, string>;
  const { id = '', backup = '' } = begun;
  const at = api.world.clock().toISOString();
  const snapshot = { snapshotId: 'a'.repeat(64), at, files: 3, sizeBytes: 3000, notes: [] };
  await say(id, { outcome: 'done', snapshot });
  expect(await run(id)).toMatchObject({ status: 'succeeded' });
  return { id: backup, operation: id };
}

async function drill(backup: string, body: object = {}): Promise<string> {
  const begun = await api.post(of(`backups/${backup}/drill`), body);
  expect(begun).toMatchObject({ status: 202, body: { kind: 'drill', backup, volume: 'folder' } });
  await run(begun.body.id as string);
  return begun.body.id as string;
}

describe('a drill of an archive', () => {
  it('has a host restore it to a place of its own, and writes down what it found', async () => {
    const { id, operation } = await made();
    await about(operation, { want: 'written', manifest });
    const drilling = await drill(id, { check: { command: 'true' } });
    expect(await tasks()).toMatchObject([
      {
        kind: 'verify-archive',
        backupId: id,
        path: '/data/folder',
        snapshotId: 'a'.repeat(64),
        files: 3,
        sizeBytes: 3000,
        manifest,
        check: { command: 'true' },
      },
    ]);
    expect(api.world.woken).toContain(a);
    const granted = await host.send('POST', `tasks/${drilling}/repository`, { bootId: host.bootId });
    expect(granted.status).toBe(200);
    expect(api.world.repositories.granted.at(-1)).toMatchObject({ use: 'read', hostId: a });
    expect(await about(drilling, { want: 'read' })).toMatchObject({
      body: { url: expect.stringContaining(`manifests/${id}`) },
    });
    api.world.pass(30);
    await host.sync();
    expect(await run(drilling)).toMatchObject({ status: 'running', message: expect.stringContaining(a) });
    await say(drilling, done(passed));
    expect(await run(drilling)).toMatchObject({ status: 'succeeded' });
    const { drill: last, verified } = await get(id);
    expect(last).toMatchObject({
      outcome: 'passed',
      host: a,
      detail: 'The repository is clean; 11 entries and the contents of 10 files are as at the cut.',
    });
    expect(last?.restoreSeconds).toBeGreaterThanOrEqual(7);
    expect(verified).toEqual({ at: last?.at, restoreSeconds: last?.restoreSeconds });
    expect((await api.volume('folder')).lastVerified).toMatchObject({ at: last?.at });
    expect(await tasks()).toEqual([]);
  });

  it('that finds something wrong has failed, and says what', async () => {
    const { id } = await made();
    const drilling = await drill(id);
    await say(drilling, done(failed));
    expect(await run(drilling)).toMatchObject({
      status: 'failed',
      error: { code: 'DrillFailed', detail: expect.stringContaining('is missing') },
    });
    const { drill: last, verified } = await get(id);
    expect([last?.outcome, verified]).toEqual(['failed', undefined]);
  });

  it('that the host cannot restore has failed, with restic’s words', async () => {
    const { id } = await made();
    const drilling = await drill(id);
    await cannot(drilling, 'CommandFailed');
    await run(drilling);
    expect((await get(id)).drill).toMatchObject({
      outcome: 'failed',
      detail: `${a}: not here: CommandFailed`,
    });
  });

  it('keeps its backup meanwhile, and is one at a time', async () => {
    const { id } = await made();
    const drilling = await drill(id);
    const remove = () => api.send({ method: 'DELETE', path: of(`backups/${id}`) });
    expect((await remove()).body).toMatchObject({ code: 'BackupInUse' });
    expect((await api.post(of(`backups/${id}/drill`))).body).toMatchObject({ code: 'OperationInProgress' });
    await say(drilling, done(passed));
    await run(drilling);
    expect(await run((await remove()).body.id as string, 20)).toMatchObject({ status: 'succeeded' });
  });

  it('works after the volume itself is gone', async () => {
    const { id } = await made();
    const gone = await api.send({ method: 'DELETE', path: of('volumes/folder'), query: 'purge=true' });
    expect(gone.status).toBeLessThan(300);
    for (const operation of await api.world.purge()) await api.world.run(operation);
    const drilling = await drill(id);
    await say(drilling, done({ ...passed, manifest: false }));
    expect(await run(drilling)).toMatchObject({ status: 'succeeded' });
    expect((await get(id)).drill?.detail).toContain('no manifest');
  });
});

describe('a drill of an archive is overdue, never passed,', () => {
  it('where no host has restic; every host is asked once', async () => {
    const { id } = await made();
    const other = await api.host(b);
    const drilling = await drill(id);
    const [first, second] = (await tasks(other)).length === 1 ? [other, host] : [host, other];
    expect(await tasks(second)).toEqual([]);
    await cannot(drilling, 'NotSupported', first);
    await run(drilling);
    expect(await tasks(first)).toEqual([]);
    expect(await tasks(second)).toMatchObject([{ kind: 'verify-archive' }]);
    await cannot(drilling, 'NotSupported', second);
    expect(await run(drilling)).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    expect((await get(id)).drill).toMatchObject({
      outcome: 'overdue',
      host: second.id,
      detail: `${second.id}: not here: NotSupported`,
    });
  });

  it('but not where another host has the room', async () => {
    const { id } = await made();
    const other = await api.host(b);
    const drilling = await drill(id);
    const [first, second] = (await tasks(other)).length === 1 ? [other, host] : [host, other];
    await cannot(drilling, 'LimitExceeded', first);
    await run(drilling);
    await say(drilling, done(passed), second);
    expect(await run(drilling)).toMatchObject({ status: 'succeeded' });
    expect((await get(id)).drill).toMatchObject({ outcome: 'passed', host: second.id });
  });

  it('where the one host that was asked for cannot: no other one is', async () => {
    const { id } = await made();
    const other = await api.host(b);
    const drilling = await drill(id, { host: a });
    await cannot(drilling, 'NotSupported');
    expect(await run(drilling)).toMatchObject({ status: 'failed', host: a });
    expect(await tasks(other)).toEqual([]);
    expect((await get(id)).drill?.outcome).toBe('overdue');
  });

  it('where no host runs', async () => {
    const { id } = await made();
    api.world.pass(3600);
    const { body } = await api.post(of(`backups/${id}/drill`));
    expect(body).toMatchObject({ status: 'failed', error: { code: 'HostNotFound' } });
    expect((await get(id)).drill).toMatchObject({ outcome: 'overdue', seconds: 0 });
    expect((await get(id)).drill?.detail).toContain('restic');
  });

  it('where the host falls silent', async () => {
    const { id } = await made();
    const drilling = await drill(id);
    expect(await run(drilling, 500)).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    expect((await get(id)).drill?.outcome).toBe('overdue');
    expect(await tasks()).toEqual([]);
  });

  it('where its host was silent before it was asked', async () => {
    const { id } = await made();
    const begun = await api.post(of(`backups/${id}/drill`), { host: a });
    api.world.pass(3600);
    expect(await run(begun.body.id as string)).toMatchObject({ status: 'failed' });
    expect((await get(id)).drill).toMatchObject({ outcome: 'overdue', detail: expect.stringContaining(a) });
  });
});

describe('the manifest of an archive', () => {
  it('is taken of the host that has made it, once it is made', async () => {
    const begun = (await api.post(of('volumes/folder/backups'))).body as Record<string, string>;
    const { id = '', backup = '' } = begun;
    expect(await about(id, { want: 'write', manifest })).toMatchObject({ body: { code: 'IllegalState' } });
    const at = api.world.clock().toISOString();
    const snapshot = { snapshotId: 'a'.repeat(64), at, files: 3, sizeBytes: 3000, notes: [] };
    await say(id, { outcome: 'done', snapshot });
    expect(await about(id, { want: 'write', manifest })).toMatchObject({
      status: 200,
      body: { url: expect.stringContaining(`manifests/${backup}`) },
    });
    await about(id, { want: 'written', manifest });
    await run(id);
    expect(await get(backup)).toMatchObject({ state: 'available', manifest });
  });

  it('goes with its backup', async () => {
    const { id, operation } = await made();
    await about(operation, { want: 'written', manifest });
    api.world.manifests.objects.set(id, api.world.clock());
    const { body } = await api.send({ method: 'DELETE', path: of(`backups/${id}`) });
    expect(await run(body.id as string, 20)).toMatchObject({ status: 'succeeded' });
    expect([...api.world.manifests.objects.keys()]).toEqual([]);
  });
});
