import { beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { Assignment } from '#shared/model/host.ts';
import type { HostTask } from '#shared/model/task.ts';
import { ApiWorld, type ApiAnswer, type HostActor } from '#test/support/api-world.ts';

const a = 'i-0000000000000000a';
const b = 'i-0000000000000000b';
const of = (path: string) => `/v1/namespaces/default/${path}`;

let api: ApiWorld;
let host: HostActor;
let backup: string;
beforeEach(async () => {
  api = new ApiWorld();
  host = await api.host(a);
  await api.create({ name: 'folder', type: 'hostpath', options: { path: '/data/folder' } });
  backup = await archived('folder', '1');
});

const snapshot = (id: string) => ({
  snapshotId: id.repeat(64),
  at: '2026-11-23T12:00:01.000Z',
  files: 3,
  sizeBytes: 3000,
  addedBytes: 100,
  notes: [],
});
const run = async (id: string, times = 5): Promise<ApiAnswer['body']> => {
  await api.world.run(id, times);
  return (await api.get(of(`operations/${id}`))).body;
};
const finish = (id: string, result: object, who = host): Promise<ApiAnswer> =>
  who.send('POST', `tasks/${id}/result`, { bootId: who.bootId, result });
const tasks = async (who = host): Promise<HostTask[]> => (await who.sync()).tasks;
const get = async (id: string): Promise<Backup> => (await api.get(of(`backups/${id}`))).body as Backup;
const record = (name = 'folder') => api.world.volume(name);

/** A backup as files that its host has made. */
async function archived(volume: string, id: string): Promise<string> {
  const { body } = await api.post(of(`volumes/${volume}/backups`), { engine: 'restic' });
  await finish(body.id as string, { outcome: 'done', snapshot: snapshot(id) });
  await run(body.id as string);
  return body.backup as string;
}

const restore = (body: object = {}, id = backup): Promise<ApiAnswer> =>
  api.post(of(`backups/${id}/restore`), { name: 'folder', inPlace: true, ...body });

async function begun(body: object = {}, from = backup): Promise<{ id: string; guard: string }> {
  const answer = await restore(body, from);
  expect(answer).toMatchObject({ status: 202, body: { kind: 'restoreFiles', backup: from } });
  return answer.body as { id: string; guard: string };
}

/** The host has backed up what is there, and was asked for the rest. */
async function guarded(body: object = {}, from = backup): Promise<{ id: string; guard: string }> {
  const operation = await begun(body, from);
  await run(operation.id);
  await finish(operation.id, { outcome: 'done', snapshot: snapshot('9') });
  await run(operation.id);
  return operation;
}

const done = { outcome: 'done', transfer: { files: 3, notes: [] } };
const failed = { outcome: 'failed', error: { code: 'CommandFailed', detail: 'no room' } };

/** A host that has the volume, and may have a container begin to use it. */
async function attached(who = host, name = 'folder'): Promise<Assignment> {
  return (await who.claim(name)).body.assignment as Assignment;
}

describe('files in the place of those of a volume', () => {
  it('are restored by the host that has backed up what was there', async () => {
    const { id, guard } = await begun();
    expect(await run(id)).toMatchObject({ message: `${a} backs up what is replaced` });
    expect(await tasks()).toMatchObject([{ kind: 'archive', settle: true, backupId: guard, name: 'folder' }]);
    expect(await get(guard)).toMatchObject({ state: 'creating', origin: 'guard', kind: 'archive' });
    const grant = await host.send('POST', `tasks/${id}/repository`, { bootId: host.bootId });
    expect(grant.status).toBe(200);
    expect(api.world.repositories.granted.at(-1)).toMatchObject({ use: 'write', hostId: a });
    await finish(id, { outcome: 'done', snapshot: snapshot('9') });
    expect(await run(id)).toMatchObject({ message: `${a} restores the files` });
    expect(await get(guard)).toMatchObject({ state: 'available', storage: { snapshot: snapshot('9') } });
    expect(await tasks()).toMatchObject([
      { kind: 'fill', replace: true, backupId: backup, snapshotId: '1'.repeat(64) },
    ]);
    expect(await api.send({ method: 'DELETE', path: of(`backups/${guard}`) })).toMatchObject({
      body: { code: 'BackupInUse' },
    });
    await finish(id, done);
    expect(await run(id)).toMatchObject({ status: 'succeeded', guard });
    expect((await record()).volume.filling).toBeUndefined();
    expect((await record()).backing).toBeUndefined();
    expect(await tasks()).toEqual([]);
    for (const one of [backup, guard]) expect((await api.world.table.readBackup(one))?.users).toEqual([]);
    await guarded({}, guard);
  });

  it('keep the backup of what was there, which is made before anything is replaced', async () => {
    const { id, guard } = await begun();
    await run(id);
    await finish(id, failed);
    expect(await run(id)).toMatchObject({ status: 'failed', error: { detail: `${a}: no room` } });
    expect(await get(guard)).toMatchObject({ state: 'failed', reason: `${a}: no room` });
    expect((await tasks()).map(({ kind }) => kind)).toEqual([]);
    expect((await record()).volume.filling).toBeUndefined();
    expect((await record()).backing).toBeUndefined();
    expect(await host.claim('folder')).toMatchObject({ status: 200 });
  });

  it.each([
    ['local', { size: '1G', availabilityZone: 'us-east-1a' }],
    ['network', { type: 'network' }],
  ])('of a %s volume too', async (_type, parts) => {
    await api.create({ name: 'data', ...parts });
    for (const { id } of [await api.world.volume('data')].map(({ volume }) => volume)) await work(id);
    const assignment = await host.take('data');
    if (_type === 'local') await api.world.format('data');
    else for (const inUse of [true, false]) await host.lease(assignment, inUse);
    const { id } = await guarded({ name: 'data' }, await archived('data', '2'));
    expect(await tasks()).toMatchObject([{ kind: 'fill', replace: true, name: 'data' }]);
    expect((await host.claim('data')).body).toMatchObject({ assignment: { filling: true } });
    await finish(id, done);
    expect(await run(id)).toMatchObject({ status: 'succeeded' });
  });

  it('of a blank volume need no guard', async () => {
    await api.create({ name: 'data', size: '1G', availabilityZone: 'us-east-1a' });
    await host.take('data');
    await api.world.format('data');
    const from = await archived('data', '2');
    await api.create({ name: 'blank', size: '1G', availabilityZone: 'us-east-1a' });
    const { id, guard } = await begun({ name: 'blank' }, from);
    expect(guard).toBeUndefined();
    await run(id);
    expect((await tasks())[0]).not.toHaveProperty('replace');
    await finish(id, done);
    expect(await run(id)).toMatchObject({ status: 'succeeded' });
  });
});

/** Runs what was begun for a volume, by whichever worker. */
async function work(volumeId: string): Promise<void> {
  const { operation } = (await api.world.byId(volumeId)).volume;
  if (operation !== undefined) await api.world.run(operation);
}

describe('a volume whose files are replaced', () => {
  it('refill-busy: is not in use, and who uses it is named', async () => {
    const assignment = await attached();
    await host.lease(assignment, true);
    expect(await restore()).toMatchObject({ status: 409, body: { code: 'VolumeBusy', about: { hosts: a } } });
    expect((await record()).volume.filling).toBeUndefined();
  });

  it('refill-in-use: with force is waited for, and nothing is asked of the host before', async () => {
    const assignment = await attached();
    await host.lease(assignment, true);
    const { id } = await begun({ force: true });
    expect(await run(id)).toMatchObject({ message: expect.stringContaining('Waiting until it is free') });
    expect(await tasks()).toEqual([]);
    await host.lease(assignment, false);
    await run(id);
    expect(await tasks()).toMatchObject([{ kind: 'archive' }]);
  });

  it('that is not let go of stays as it was', async () => {
    const assignment = await attached();
    await host.lease(assignment, true);
    const { id, guard } = await begun({ force: true });
    expect(await run(id, 500)).toMatchObject({ status: 'failed', error: { code: 'VolumeBusy' } });
    expect(await get(guard)).toMatchObject({ state: 'failed' });
    expect((await record()).volume.filling).toBeUndefined();
    expect((await host.lease(assignment, true)).status).toBe(200);
  });

  it('lease-filling: begins to be used nowhere, also where it is attached already', async () => {
    const other = await api.host(b);
    const here = await attached();
    const there = await attached(other);
    const { id } = await begun({ host: a });
    expect(await host.lease(here, true)).toMatchObject({ status: 409, body: { code: 'IllegalState' } });
    expect(await other.lease(there, true)).toMatchObject({ status: 409, body: { code: 'IllegalState' } });
    await run(id);
    expect(await host.lease(here, true)).toMatchObject({ status: 200 });
    expect(await other.lease(there, true)).toMatchObject({ status: 409 });
    await host.lease(here, false);
    for (const result of [{ outcome: 'done', snapshot: snapshot('9') }, done]) {
      await finish(id, result);
      await run(id);
    }
    expect(await other.lease(there, true)).toMatchObject({ status: 200 });
  });

  it('refill-not-during: takes nothing else meanwhile', async () => {
    const { id } = await begun();
    expect(await restore()).toMatchObject({
      body: { code: 'OperationInProgress', about: { operation: id } },
    });
    expect(await api.post(of('volumes/folder/backups'), {})).toMatchObject({
      body: { code: 'IllegalState' },
    });
    await api.create({ name: 'data', size: '1G', availabilityZone: 'us-east-1a' });
    await host.take('data');
    await api.world.format('data');
    const from = await archived('data', '2');
    await host.claim('data');
    await api.post(of('volumes/data/detach'), {});
    expect(await restore({ name: 'data' }, from)).toMatchObject({ body: { code: 'OperationInProgress' } });
  });
});

describe('a host that fails while it replaces', () => {
  it('and holds what it held gives the volume back', async () => {
    const { id, guard } = await guarded();
    await finish(id, { ...failed, asBefore: true });
    expect(await run(id)).toMatchObject({ status: 'failed', error: { detail: `${a}: no room` } });
    expect((await record()).volume.filling).toBeUndefined();
    expect(await get(guard)).toMatchObject({ state: 'available' });
    expect(await host.claim('folder')).toMatchObject({ status: 200 });
  });

  it.each([
    ['does not know what it holds', () => failed],
    ['is silent', () => undefined],
  ])('refill-settled: and %s keeps it from everybody, until another restore', async (_how, result) => {
    const { id } = await guarded();
    const answer = result();
    if (answer !== undefined) await finish(id, answer);
    const ended = await run(id, 500);
    expect(ended).toMatchObject({
      status: 'failed',
      error: { hint: expect.stringContaining('restore it in place again') },
    });
    await host.sync();
    expect(await host.claim('folder')).toMatchObject({ body: { code: 'IllegalState' } });
    const again = await guarded();
    await finish(again.id, done);
    expect(await run(again.id)).toMatchObject({ status: 'succeeded' });
    expect(await host.claim('folder')).toMatchObject({ status: 200 });
  });
});

describe('a restore of files in place is refused', () => {
  it('for what does not fit', async () => {
    await api.create({ name: 'data', size: '1G', availabilityZone: 'us-east-1a' });
    await api.create({ name: 'fixed', type: 'hostpath', readOnly: true, options: { path: '/data/fixed' } });
    const refused = async (body: object) => (await restore(body)).body as { code: string };
    expect(await refused({ name: 'data' })).toMatchObject({ code: 'NotSupported' });
    expect(await refused({ name: 'fixed' })).toMatchObject({ code: 'IllegalState' });
    expect(await refused({ availabilityZone: 'us-east-1b' })).toMatchObject({ code: 'InvalidInput' });
    expect(await refused({ options: { path: '/data/other' } })).toMatchObject({ code: 'InvalidInput' });
    expect(await refused({ inPlace: false })).toMatchObject({ code: 'NameTaken' });
    expect(await refused({ inPlace: false, force: true })).toMatchObject({
      code: 'InvalidInput',
      hint: expect.stringContaining('add inPlace'),
    });
  });

  it('where several hosts have a directory of that path, and none is named', async () => {
    const other = await api.host(b);
    await attached();
    await attached(other);
    expect(await restore()).toMatchObject({ body: { code: 'IllegalState', allowed: `${a}, ${b}` } });
    expect(await begun({ host: b })).toMatchObject({ host: b });
  });
});
