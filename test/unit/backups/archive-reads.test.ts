import { createHash, hash, randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { HostTask } from '#shared/model/task.ts';
import { ApiWorld, type ApiAnswer, type HostActor } from '#test/support/api-world.ts';
import { inBucket } from './support/reads.ts';
import { mountOnce } from './support/recovery-world.ts';

/** Single files of backups as files: the control plane's part. No volume is made, and any host of the namespace reads. */
const a = 'i-0000000000000000a';
const b = 'i-0000000000000000b';
const of = (path: string) => `/v1/namespaces/default/${path}`;
const content = Buffer.from('what the file holds');
const sha256 = createHash('sha256').update(content).digest('hex');
const sent = { outcome: 'done', transfer: { files: 1, notes: [], form: 'file' } };

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
const finish = (id: string, result: object, who = host): Promise<ApiAnswer> =>
  who.send('POST', `tasks/${id}/result`, { bootId: who.bootId, result });
const tasks = async (who = host): Promise<HostTask[]> => (await who.sync()).tasks;
const grant = (id: string, who = host): Promise<ApiAnswer> =>
  who.send('POST', `tasks/${id}/repository`, { bootId: who.bootId });
const usersOf = async (id: string) => (await api.world.table.readBackup(id))?.users;
const read = (id: string, parts: object = {}, what = 'extract'): Promise<ApiAnswer> =>
  api.post(of(`backups/${id}/${what}`), { path: 'db/data.sql', ...parts });

/** A backup as files, that a host has made. */
async function made(volume = 'folder', body: object = {}): Promise<Backup> {
  const begun = (await api.post(of(`volumes/${volume}/backups`), body)).body as {
    id: string;
    backup: string;
  };
  const at = '2026-11-23T12:00:01.000Z';
  const snapshot = { snapshotId: '1'.repeat(64), at, files: 3, sizeBytes: 3000, addedBytes: 1, notes: [] };
  await finish(begun.id, { outcome: 'done', snapshot });
  expect(await run(begun.id)).toMatchObject({ status: 'succeeded' });
  return (await api.get(of(`backups/${begun.backup}`))).body as Backup;
}

/** What the agent does with what it has read; without an end only a part of it. */
async function send(id: string, whole = true): Promise<void> {
  const call = { bootId: host.bootId, attempt: randomUUID() };
  const part = { partNumber: 1, sizeBytes: content.length, sha256: hash('sha256', content, 'base64') };
  const signed = await host.send('POST', `tasks/${id}/parts`, { ...call, parts: [part] });
  const parts = (signed.body.parts as Parameters<typeof api.world.objects.put>[0][]).map((one) =>
    api.world.objects.put(one, content),
  );
  const complete = { ...call, parts, sizeBytes: content.length, sha256 };
  const ended = whole ? await host.send('POST', `tasks/${id}/complete`, complete) : signed;
  expect(ended.status).toBe(200);
}

describe('a file of a backup as files', () => {
  it('is read by a host from the repository, without a volume, and is fetched like an export', async () => {
    const { id: backup, volumeId } = await made();
    const begun = await read(backup);
    const { id } = begun.body as { id: string };
    expect(begun).toMatchObject({
      status: 202,
      body: { kind: 'extract', host: a, backup, volumeId, message: `Waiting for ${a} to read the backup` },
    });
    expect(api.world.woken).toContain(a);
    expect(await tasks()).toMatchObject([
      {
        kind: 'read-archive',
        form: 'content',
        wanted: 'db/data.sql',
        path: '/data/folder',
        snapshotId: '1'.repeat(64),
        repository: { prefix: `repositories/${volumeId}` },
        metadata: { name: 'folder', createdAt: '2026-11-23T12:00:01.000Z' },
      },
    ]);
    expect(await run(id)).toMatchObject({ status: 'running', message: `${a} reads the backup` });
    await send(id);
    await finish(id, sent);
    expect(await run(id)).toMatchObject({ status: 'succeeded', progress: 100, message: 'It can be fetched' });
    expect(await tasks()).toEqual([]);
    const fetched = await api.get(of(`exports/${id}`));
    expect(fetched.body).toMatchObject({ state: 'ready', sha256, report: { form: 'file' } });
    expect(api.world.storage.truth.volumes.size).toBe(0);
    const removed = await api.send({ method: 'DELETE', path: of(`exports/${id}`) });
    expect(removed.status).toBe(200);
    expect(inBucket(api.world)).toEqual([]);
  });

  it('is asked for like a directory’s names: once for a key, and with the keys of a reader that end with the task', async () => {
    const { id: backup, volumeId } = await made();
    const headers = { 'idempotency-key': 'once' };
    const ask = () => api.post(of(`backups/${backup}/browse`), {}, { headers });
    const { id } = (await ask()).body as { id: string };
    expect((await ask()).body).toMatchObject({ id, kind: 'browse' });
    expect(await tasks()).toMatchObject([{ kind: 'read-archive', form: 'listing', wanted: '' }]);
    expect(await grant(id)).toMatchObject({ status: 200, body: { password: expect.any(String) } });
    const repository = { prefix: `repositories/${volumeId}` };
    expect(api.world.repositories.granted.at(-1)).toEqual({ repository, use: 'read', hostId: a });
    const begin = { bootId: host.bootId, begin: true };
    expect((await host.send('POST', `tasks/${id}/repository`, begin)).body).toMatchObject({
      code: 'IllegalState',
    });
    await send(id);
    await finish(id, sent);
    expect(await grant(id)).toMatchObject({ status: 404 });
    expect(await run(id)).toMatchObject({ status: 'succeeded' });
  });

  it('keeps its backup from being removed, until it is read', async () => {
    const { id: backup } = await made();
    const { id } = (await read(backup)).body as { id: string };
    const remove = () => api.send({ method: 'DELETE', path: of(`backups/${backup}`) });
    expect(await remove()).toMatchObject({ body: { code: 'BackupInUse' } });
    await send(id);
    await finish(id, sent);
    await run(id);
    expect(await usersOf(backup)).toEqual([]);
    expect(await remove()).toMatchObject({ status: 202 });
  });

  it('stands in the repository of one’s own bucket as well, and after its volume is gone', async () => {
    const other = {
      endpoint: 'https://minio.example:9000',
      bucket: 'own-bucket',
      region: 'us-east-1',
      credentialsSecret: 'hivemind/endpoints/minio',
    };
    const { id: backup } = await made('folder', { repository: other });
    await api.send({ method: 'DELETE', path: of('volumes/folder'), query: 'purge=true' });
    for (const id of await api.world.purge()) await api.world.run(id);
    expect(await api.get(of('volumes/folder'))).toMatchObject({ status: 404 });
    const { id } = (await read(backup)).body as { id: string };
    expect(await tasks()).toMatchObject([{ repository: { other } }]);
    await send(id);
    await finish(id, sent);
    expect(await run(id)).toMatchObject({ status: 'succeeded', volume: 'folder' });
  });

  it.each([
    ['network', {}],
    ['local', { size: '1G', availabilityZone: 'us-east-1a' }],
  ])('is read of a %s volume alike', async (type, parts) => {
    const { body } = await api.create({ name: 'data', type, ...parts });
    await api.world.run(body.id as string);
    if (type === 'network') await mountOnce(api.world, 'data');
    else await host.take('data').then(() => api.world.format('data'));
    const { id: backup } = await made('data', { engine: 'restic', host: a });
    const { id } = (await read(backup)).body as { id: string };
    expect(await tasks()).toMatchObject([{ kind: 'read-archive', path: '/data/data' }]);
    await send(id);
    await finish(id, sent);
    expect(await run(id)).toMatchObject({ status: 'succeeded' });
  });
});

describe('what goes wrong', () => {
  it('at the host is a problem for the caller: nothing is left in the bucket, and the backup is as it was', async () => {
    const { id: backup } = await made();
    const { id } = (await read(backup, { path: 'etc' })).body as { id: string };
    await send(id, false);
    const error = { code: 'PathRefused', detail: '"etc" is a link to "/etc"; links are not followed.' };
    await finish(id, { outcome: 'failed', error });
    expect(await run(id, 10)).toMatchObject({
      status: 'failed',
      error: { code: 'PathRefused', detail: `${a}: ${error.detail}` },
    });
    expect(inBucket(api.world)).toEqual([]);
    expect(await usersOf(backup)).toEqual([]);
    expect(await tasks()).toEqual([]);
  });

  it('when the host says it has sent and has not, is no success', async () => {
    const { id: backup } = await made();
    const { id } = (await read(backup)).body as { id: string };
    await finish(id, sent);
    expect(await run(id, 10)).toMatchObject({ status: 'failed', error: { code: 'StorageFailed' } });
    expect(await usersOf(backup)).toEqual([]);
  });

  it('when the host falls silent, ends the operation', async () => {
    const { id: backup } = await made();
    const { id } = (await read(backup)).body as { id: string };
    await send(id, false);
    expect(await run(id, 500)).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    expect(inBucket(api.world)).toEqual([]);
    expect(await usersOf(backup)).toEqual([]);
    expect(await grant(id)).toMatchObject({ status: 404 });
  });

  it.each([
    ['is absolute', '/etc/passwd'],
    ['leads upwards', 'db/../../etc'],
    ['leads upwards, as bytes', 'base64:Li4vZXRj'],
    ['has too long a name', 'n'.repeat(256)],
  ])('with a path that %s, is said before anybody is asked', async (_, path) => {
    const { id: backup } = await made();
    expect((await read(backup, { path })).body).toMatchObject({ code: 'PathRefused' });
    expect(await tasks()).toEqual([]);
  });

  it('with a backup that was never made, is said', async () => {
    const begun = (await api.post(of('volumes/folder/backups'))).body as { backup: string };
    expect((await read(begun.backup)).body).toMatchObject({ code: 'IllegalState', value: 'creating' });
  });
});

describe('the host that reads', () => {
  it('is any that runs and is heard of, whatever it serves and wherever it is', async () => {
    const { id: backup } = await made();
    api.world.pass(3600);
    expect((await read(backup)).body).toMatchObject({
      code: 'HostNotFound',
      detail: expect.stringContaining('heard of'),
    });
    const other = await api.host(b, 'us-east-1c');
    await other.register(['tmpfs']);
    expect((await read(backup)).body).toMatchObject({ host: b });
    expect(await tasks(other)).toMatchObject([{ kind: 'read-archive' }]);
  });

  it('is the one that is asked for', async () => {
    const { id: backup } = await made();
    await api.host(b);
    for (const id of [a, b]) expect((await read(backup, { host: id })).body).toMatchObject({ host: id });
    const nobody = 'i-0000000000000000c';
    expect((await read(backup, { host: nobody })).body).toMatchObject({
      code: 'HostNotFound',
      value: nobody,
    });
  });
});
