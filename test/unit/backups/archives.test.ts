import { beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { HostTask } from '#shared/model/task.ts';
import { ApiWorld, type ApiAnswer, type HostActor } from '#test/support/api-world.ts';

const a = 'i-0000000000000000a';
const b = 'i-0000000000000000b';
const of = (path: string) => `/v1/namespaces/default/${path}`;

let api: ApiWorld;
let host: HostActor;
beforeEach(async () => {
  api = new ApiWorld();
  host = await api.host(a);
  await api.create({
    name: 'folder',
    type: 'hostpath',
    options: { path: '/data/folder' },
    labels: { app: 'x' },
  });
});

const snapshot = (id: string) => ({
  snapshotId: id.repeat(64),
  at: '2026-11-23T12:00:01.000Z',
  files: 3,
  sizeBytes: 3000,
  addedBytes: 100,
  notes: ['could not be read: ./gone'],
});
const backUp = async (volume = 'folder', body: object = {}): Promise<ApiAnswer['body']> =>
  (await api.post(of(`volumes/${volume}/backups`), body)).body;
const run = async (id: string, times = 3): Promise<ApiAnswer['body']> => {
  await api.world.run(id, times);
  return (await api.get(of(`operations/${id}`))).body;
};
const finish = (id: string, result: object, who = host): Promise<ApiAnswer> =>
  who.send('POST', `tasks/${id}/result`, { bootId: who.bootId, result });
const grant = (id: string, body: object = {}, who = host): Promise<ApiAnswer> =>
  who.send('POST', `tasks/${id}/repository`, { bootId: who.bootId, ...body });
const tasks = async (who = host): Promise<HostTask[]> => (await who.sync()).tasks;
const get = async (id: string): Promise<Backup> => (await api.get(of(`backups/${id}`))).body as Backup;

/** A backup that its host has made. */
async function made(id: string, volume = 'folder', body: object = {}): Promise<Backup> {
  const begun = await backUp(volume, body);
  await finish(begun.id as string, { outcome: 'done', snapshot: snapshot(id) });
  expect(await run(begun.id as string)).toMatchObject({ status: 'succeeded' });
  return get(begun.backup as string);
}

const remove = async (id: string): Promise<string> => {
  const { body } = await api.send({ method: 'DELETE', path: of(`backups/${id}`) });
  return body.id as string;
};

describe('a backup as files', () => {
  it('is what a directory of a host gets: made by the host, and by nobody else', async () => {
    const begun = await backUp();
    const { id, backup } = begun as { id: string; backup: string };
    expect(begun).toMatchObject({ kind: 'backup', host: a, message: `Waiting for ${a} to read the files` });
    expect(api.world.woken).toContain(a);
    const volumeId = (await api.volume('folder')).id as string;
    const prefix = `repositories/${volumeId}`;
    expect(await tasks()).toMatchObject([
      { kind: 'archive', name: 'folder', backupId: backup, path: '/data/folder', repository: { prefix } },
    ]);
    expect(await run(id)).toMatchObject({ status: 'running', message: `${a} reads the files` });
    expect(await grant(id)).toMatchObject({
      status: 200,
      body: { url: expect.stringContaining(prefix), password: expect.any(String) },
    });
    expect(api.world.repositories.granted).toEqual([{ repository: { prefix }, use: 'write', hostId: a }]);
    await finish(id, { outcome: 'done', snapshot: snapshot('1') });
    expect(await run(id)).toMatchObject({ status: 'succeeded', message: '3 files are backed up' });
    expect(await get(backup)).toMatchObject({
      kind: 'archive',
      state: 'available',
      pointInTime: false,
      consistency: 'none',
      cutAt: '2026-11-23T12:00:01.000Z',
      storage: { kind: 'archive', path: '/data/folder', repository: { prefix }, snapshot: snapshot('1') },
    });
    expect(await tasks()).toEqual([]);
    expect((await api.volume('folder')).lastBackup).toMatchObject({ id: backup });
    expect(await grant(id)).toMatchObject({ status: 404 });
  });

  it('is one at a time, and a key that is sent twice makes one', async () => {
    const headers = { 'idempotency-key': 'once' };
    const path = of('volumes/folder/backups');
    const [one, two] = [await api.post(path, {}, { headers }), await api.post(path, {}, { headers })];
    expect(two.body.id).toBe(one.body.id);
    expect(await backUp()).toMatchObject({ code: 'OperationInProgress' });
    expect(await tasks()).toHaveLength(1);
  });

  it('is made of local and network volumes when it is asked for, and of no directory by AWS', async () => {
    await api.create({ name: 'data', size: '1G', availabilityZone: 'us-east-1a' });
    await host.take('data');
    await api.world.format('data');
    expect(await made('2', 'data', { engine: 'restic' })).toMatchObject({ kind: 'archive' });
    expect(await backUp('data', { host: a })).toMatchObject({ code: 'InvalidInput', value: 'host' });
    expect(await backUp('data', { engine: 'restic', consistency: 'freeze' })).toMatchObject({
      code: 'NotSupported',
      allowed: 'none',
    });
    expect(await backUp('folder', { engine: 'native' })).toMatchObject({
      code: 'NotSupported',
      allowed: 'restic',
    });
    expect(await backUp('data', { consistency: 'none' })).toMatchObject({ kind: 'backup' });
  });

  it('fails with the host’s words, and with those of nobody when the host is silent', async () => {
    const { id, backup } = (await backUp()) as { id: string; backup: string };
    await finish(id, {
      outcome: 'failed',
      error: { code: 'NotSupported', detail: 'restic is not installed' },
    });
    expect(await run(id)).toMatchObject({
      status: 'failed',
      error: { code: 'NotSupported', detail: `${a}: restic is not installed` },
    });
    expect(await get(backup)).toMatchObject({ state: 'failed' });
    const second = await backUp();
    expect(await run(second.id as string, 500)).toMatchObject({ error: { code: 'TimedOut' } });
    expect(await grant(second.id as string)).toMatchObject({ status: 404 });
  });

  it('of a directory names the host where there are several', async () => {
    await api.host(b);
    expect(await backUp()).toMatchObject({ code: 'IllegalState', allowed: `${a}, ${b}` });
    expect(await backUp('folder', { host: b })).toMatchObject({ host: b });
  });
});

describe('a grant', () => {
  it('is for the host that has the task, and for that alone', async () => {
    const other = await api.host(b);
    const { id } = (await backUp('folder', { host: a })) as { id: string };
    expect(await grant(id, {}, other)).toMatchObject({ status: 404, body: { code: 'OperationNotFound' } });
    expect(await grant(id)).toMatchObject({ status: 200 });
    expect(api.world.repositories.granted).toHaveLength(1);
    const exported = await api.post(of('volumes/folder/exports'), { host: a });
    expect(await grant(exported.body.id as string)).toMatchObject({ status: 404 });
  });

  it('of a repository that is to be begun has a new password, but never once backups are in it', async () => {
    const { id } = (await backUp()) as { id: string };
    const first = (await grant(id)).body.password as string;
    expect((await grant(id)).body.password).toBe(first);
    const second = (await grant(id, { begin: true })).body.password as string;
    expect(second).not.toBe(first);
    await finish(id, { outcome: 'done', snapshot: snapshot('1') });
    await run(id);
    const again = await backUp();
    expect(await grant(again.id as string, { begin: true })).toMatchObject({
      status: 409,
      body: { code: 'IllegalState' },
    });
    expect((await grant(again.id as string)).body.password).toBe(second);
    const elsewhere = {
      endpoint: 'https://minio.example:9000',
      bucket: 'mine',
      credentialsSecret: 'hivemind/endpoints/minio',
    };
    await finish(again.id as string, { outcome: 'done', snapshot: snapshot('2') });
    await run(again.id as string);
    const third = await backUp('folder', { repository: elsewhere });
    expect(await grant(third.id as string, { begin: true })).toMatchObject({ status: 200 });
  });

  it('is in no line of the log', async () => {
    const { id } = (await backUp()) as { id: string };
    const { password, credentials } = (await grant(id)).body as {
      password: string;
      credentials: { secretAccessKey: string };
    };
    const log = JSON.stringify(api.log);
    expect(log).not.toContain(password);
    expect(log).not.toContain(`"${credentials.secretAccessKey}"`);
  });
});

describe('a restore of files', () => {
  it('makes a volume like the one before and has a host fill it; meanwhile nobody else has it', async () => {
    const { id: backup } = await made('1');
    const other = await api.host(b);
    const options = { path: '/data/again' };
    const begun = await api.post(of(`backups/${backup}/restore`), { name: 'again', host: a, options });
    const { id } = begun.body as { id: string };
    expect(begun).toMatchObject({ status: 202, body: { kind: 'restoreFiles', host: a, backup } });
    expect(await api.volume('again')).toMatchObject({ type: 'hostpath', labels: { app: 'x' }, options });
    await run(id);
    expect(await tasks()).toMatchObject([
      { kind: 'fill', name: 'again', snapshotId: '1'.repeat(64), path: '/data/folder', files: 3 },
    ]);
    await grant(id);
    expect(api.world.repositories.granted.at(-1)).toMatchObject({ use: 'read', hostId: a });
    expect(await other.claim('again')).toMatchObject({ status: 409, body: { code: 'IllegalState' } });
    expect(await backUp('again', { host: a })).toMatchObject({ code: 'IllegalState' });
    expect((await host.claim('again')).body).toMatchObject({ ready: true, assignment: { filling: true } });
    expect(await api.send({ method: 'DELETE', path: of(`backups/${backup}`) })).toMatchObject({
      body: { code: 'BackupInUse' },
    });
    const same = await api.post(of(`backups/${backup}/restore`), { name: 'again', host: a, options });
    expect(same.body.id).toBe(id);
    await finish(id, { outcome: 'done', transfer: { files: 3, notes: [] } });
    expect(await run(id)).toMatchObject({ status: 'succeeded', message: '3 files are restored' });
    expect(await other.claim('again')).toMatchObject({ status: 200 });
    expect((await host.assignment('again'))?.filling).toBeUndefined();
    expect(await run(await remove(backup))).toMatchObject({ kind: 'deleteBackup' });
  });

  it('that fails leaves a volume that nobody gets and everybody may delete', async () => {
    const { id: backup } = await made('1');
    const { body } = await api.post(of(`backups/${backup}/restore`), {
      name: 'again',
      options: { path: '/data/a' },
    });
    await run(body.id as string);
    await finish(body.id as string, {
      outcome: 'failed',
      error: { code: 'IllegalState', detail: 'not empty' },
    });
    expect(await run(body.id as string)).toMatchObject({
      status: 'failed',
      error: { detail: `${a}: not empty` },
    });
    expect((await host.claim('again')).body).toMatchObject({ code: 'IllegalState' });
    expect(await tasks()).toEqual([]);
    const deleted = await api.send({ method: 'DELETE', path: of('volumes/again') });
    expect(deleted.status).toBe(200);
  });

  it('of a local volume makes it where its host is, formats it as any new one, and then fills it', async () => {
    await api.create({ name: 'data', size: '1G', availabilityZone: 'us-east-1a' });
    await host.take('data');
    await api.world.format('data');
    const { id: backup } = await made('1', 'data', { engine: 'restic' });
    const { body } = await api.post(of(`backups/${backup}/restore`), { name: 'again' });
    expect(await run(body.id as string)).toMatchObject({ message: 'The volume is being created' });
    await api.work();
    await run(body.id as string);
    expect(await tasks()).toMatchObject([{ kind: 'fill', name: 'again' }]);
    const assignment = await host.take('again');
    expect(assignment).toMatchObject({ filling: true, filesystem: { state: 'blank' } });
    await finish(body.id as string, { outcome: 'done', transfer: { files: 3, notes: [] } });
    expect(await run(body.id as string)).toMatchObject({ status: 'succeeded' });
    expect(await api.volume('again')).toMatchObject({ size: '1G', availabilityZone: 'us-east-1a' });
  });

  it('works after the volume itself is gone, which keeps its record until its last backup is removed', async () => {
    const { id: backup } = await made('1');
    const gone = await api.send({ method: 'DELETE', path: of('volumes/folder'), query: 'purge=true' });
    expect(gone.status).toBeLessThan(300);
    for (const id of await api.world.purge()) await api.world.run(id);
    expect(await api.get(of('volumes/folder'))).toMatchObject({ status: 404 });
    const { body } = await api.post(of(`backups/${backup}/restore`), {});
    await run(body.id as string);
    await finish(body.id as string, { outcome: 'done', transfer: { files: 3, notes: [] } });
    expect(await run(body.id as string)).toMatchObject({ status: 'succeeded', volume: 'folder' });
    expect(await run(await remove(backup), 20)).toMatchObject({ status: 'succeeded' });
    expect(api.world.repositories.passwords.size).toBe(0);
  });

  it('refuses an option that is none of the driver’s, and what only files have', async () => {
    const { id: backup } = await made('1');
    const restore = (body: object) => api.post(of(`backups/${backup}/restore`), { name: 'again', ...body });
    expect((await restore({ options: { path: '/etc' } })).body).toMatchObject({ code: 'InvalidInput' });
    expect((await restore({ options: { colour: 'red' } })).body).toMatchObject({ code: 'InvalidInput' });
  });
});

describe('the removal of a backup as files', () => {
  it('has a host forget the snapshot while the repository holds others', async () => {
    const first = await made('1');
    await made('2');
    const id = await remove(first.id);
    await run(id);
    expect(await tasks()).toMatchObject([
      {
        kind: 'forget',
        backupId: first.id,
        snapshotId: '1'.repeat(64),
        repository: { prefix: expect.any(String) },
      },
    ]);
    await grant(id);
    expect(api.world.repositories.granted.at(-1)).toMatchObject({ use: 'remove' });
    expect(await backUp()).toMatchObject({ code: 'OperationInProgress' });
    await finish(id, { outcome: 'done' });
    expect(await run(id)).toMatchObject({ status: 'succeeded' });
    expect(await api.get(of(`backups/${first.id}`))).toMatchObject({ status: 404 });
    expect(api.world.repositories.passwords.size).toBe(1);
    expect(await backUp()).toMatchObject({ kind: 'backup' });
  });

  it('asks another host when the first one is lost, and keeps the backup when none can', async () => {
    const first = await made('1');
    await made('2');
    const id = await remove(first.id);
    await run(id);
    expect(await tasks()).toHaveLength(1);
    api.world.pass(11 * 60);
    const other = await api.host(b);
    await run(id);
    expect(await tasks(other)).toMatchObject([{ kind: 'forget' }]);
    expect(await tasks()).toEqual([]);
    await finish(id, { outcome: 'failed', error: { code: 'CommandFailed', detail: 'no' } }, other);
    expect(await run(id)).toMatchObject({ status: 'failed' });
    expect(await get(first.id)).toMatchObject({ state: 'available', reason: expect.stringContaining('no') });
    expect(await backUp('folder', { host: a })).toMatchObject({ kind: 'backup' });
  });

  it('that is the last one takes the repository and its password along, without a host', async () => {
    const { id: backup, volumeId } = await made('1');
    api.world.repositories.objects.set(`repositories/${volumeId}`, 25);
    api.world.pass(3600);
    const operation = await run(await remove(backup), 20);
    expect(operation).toMatchObject({ status: 'succeeded' });
    expect(api.world.repositories.objects.get(`repositories/${volumeId}`)).toBe(0);
    expect(api.world.repositories.passwords.size).toBe(0);
    expect(await tasks()).toEqual([]);
  });

  it('that was never made asks nobody about a repository that holds nothing', async () => {
    const { id, backup } = (await backUp()) as { id: string; backup: string };
    await finish(id, { outcome: 'failed', error: { code: 'CommandFailed', detail: 'no' } });
    await run(id);
    expect(await run(await remove(backup), 20)).toMatchObject({ status: 'succeeded' });
    expect(await tasks()).toEqual([]);
  });

  it('waits until a backup that is being made is complete', async () => {
    const first = await made('1');
    const { id: making } = (await backUp()) as { id: string };
    const id = await remove(first.id);
    expect(await run(id)).toMatchObject({ message: expect.stringContaining('another backup of the volume') });
    await finish(making, { outcome: 'done', snapshot: snapshot('2') });
    await run(making);
    await run(id);
    expect(await tasks()).toMatchObject([{ kind: 'forget' }]);
  });
});
