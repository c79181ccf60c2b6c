import { createHash, hash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { SentPart, SignedPart } from '#shared/model/archive-transfer.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { HostTask } from '#shared/model/task.ts';
import { ApiWorld, type ApiAnswer, type HostActor } from '#test/support/api-world.ts';

const a = 'i-0000000000000000a';
const b = 'i-0000000000000000b';
const content = Buffer.from('an archive, whatever is in it');
const sha256 = createHash('sha256').update(content).digest('hex');
const wanted = { partNumber: 1, sizeBytes: content.length, sha256: hash('sha256', content, 'base64') };
const announced = { sizeBytes: content.length, partBytes: 8 * 2 ** 20 };
const of = (path: string) => `/v1/namespaces/default/${path}`;

let api: ApiWorld;
let host: HostActor;
beforeEach(async () => {
  api = new ApiWorld();
  host = await api.host(a);
  await api.create({ name: 'data', size: '1G', availabilityZone: 'us-east-1a' });
  await host.take('data');
  await api.world.format('data');
});

const snapshot = {
  snapshotId: '9'.repeat(64),
  at: '2026-11-23T12:00:01.000Z',
  files: 3,
  sizeBytes: 3,
  notes: [],
};
const kept = { outcome: 'done', snapshot };
const done = { outcome: 'done', transfer: { files: 2, notes: [] } };
const failed = { outcome: 'failed', error: { code: 'CommandFailed', detail: 'no room', hint: 'Make room.' } };

const run = async (id: string, times = 5): Promise<ApiAnswer['body']> => {
  await api.world.run(id, times);
  return (await api.get(of(`operations/${id}`))).body;
};
const task = (id: string, what: string, body: object = {}): Promise<ApiAnswer> =>
  host.send('POST', `tasks/${id}/${what}`, { bootId: host.bootId, ...body });
const finish = (id: string, result: object): Promise<ApiAnswer> => task(id, 'result', { result });
const tasks = async (): Promise<HostTask[]> => (await host.sync()).tasks;
const volume = async (name = 'data') => (await api.world.volume(name)).volume;
const begin = (body: object = {}, name = 'data'): Promise<ApiAnswer> =>
  api.post(of(`volumes/${name}/imports`), { ...announced, inPlace: true, ...body });

interface Sent {
  readonly id: string;
  readonly complete: (body?: object) => Promise<ApiAnswer>;
}

/** What a caller does before the end. */
async function send(body: object = {}, name = 'data'): Promise<Sent> {
  const begun = await begin(body, name);
  expect(begun).toMatchObject({ status: 201, body: { state: 'receiving' } });
  const { id } = begun.body as { id: string };
  const signed = (await api.post(of(`imports/${id}/parts`), { parts: [wanted] })).body.parts as SignedPart[];
  const parts: SentPart[] = signed.map((part) => api.world.objects.put(part, content));
  return { id, complete: (more = {}) => api.post(of(`imports/${id}/complete`), { parts, sha256, ...more }) };
}

async function begun(): Promise<{ id: string; guard: string }> {
  const { complete } = await send();
  const answer = await complete();
  expect(answer).toMatchObject({ status: 202, body: { kind: 'import', host: a } });
  const { id, guard } = answer.body as { id: string; guard: string };
  await run(id);
  return { id, guard };
}

/** What is there is kept, and the host was asked for the rest. */
async function guarded(): Promise<{ id: string; guard: string }> {
  const operation = await begun();
  await finish(operation.id, kept);
  await run(operation.id);
  return operation;
}

const nothingLeft = async (): Promise<void> => {
  const { objects, store } = api.world;
  expect([...objects.uploads.keys(), ...objects.objects.keys()]).toEqual([]);
  const entities = [...store.items.values()].map(({ entity }) => String(entity));
  expect(entities.filter((one) => ['hostTask', 'backing', 'importing', 'step'].includes(one))).toEqual([]);
};
/** The host begins to use it, or ends. */
async function use(inUse: boolean): Promise<ApiAnswer> {
  const assignment = (await host.claim('data')).body.assignment as { volumeId: string; epoch: number };
  const { volumeId, epoch } = assignment;
  const answer = await host.lease(assignment, inUse);
  await host.sync([{ volumeId, epoch, mounted: inUse, containers: inUse ? ['web'] : [] }]);
  return answer;
}
const isAsBefore = async (): Promise<void> => {
  await nothingLeft();
  expect(await use(true)).toMatchObject({ status: 200 });
};

describe('an import in place', () => {
  it('is unpacked by the host that has kept what was there', async () => {
    const { id, guard } = await begun();
    expect(await tasks()).toMatchObject([{ kind: 'archive', settle: true, backupId: guard, name: 'data' }]);
    expect((await task(id, 'source')).body).toMatchObject({ code: 'OperationNotFound' });
    await finish(id, kept);
    expect(await run(id)).toMatchObject({ kind: 'import', message: `${a} restores the files` });
    expect((await api.get(of(`backups/${guard}`))).body).toMatchObject({
      state: 'available',
      origin: 'guard',
      kind: 'archive',
    });
    expect(await tasks()).toMatchObject([{ operationId: id, kind: 'import', replace: true }]);
    expect((await task(id, 'source')).body).toMatchObject({ sizeBytes: content.length, sha256 });
    expect((await host.claim('data')).body).toMatchObject({ assignment: { filling: true } });
    await finish(id, done);
    const message = `2 files are restored; what was there is kept as ${guard}`;
    expect(await run(id)).toMatchObject({ status: 'succeeded', guard, message });
    expect((await api.get(of(`imports/${id}`))).body).toMatchObject({ state: 'done', inPlace: true });
    expect((await api.world.table.readBackup(guard))?.users).toEqual([]);
    await isAsBefore();
  });

  it('asked for twice, or by two at once, is one', async () => {
    const { id, complete } = await send();
    const answers = await Promise.all([complete(), complete()]);
    expect(answers).toMatchObject([
      { status: 202, body: { id } },
      { status: 202, body: { id } },
    ]);
    expect(await complete()).toMatchObject({ status: 202, body: { id } });
    expect(await api.world.table.listBackupsOf((await volume()).id)).toHaveLength(1);
  });

  it('of two archives goes with one, and the other is refused', async () => {
    const [one, two] = [await send(), await send()];
    await one.complete();
    expect((await two.complete()).body).toMatchObject({
      code: 'OperationInProgress',
      about: { operation: one.id },
    });
  });

  it('replace-what-is-kept: keeps and replaces nothing of a volume that its host finds empty', async () => {
    const { id, guard } = await begun();
    await finish(id, { outcome: 'done', empty: true });
    await run(id);
    expect(await tasks()).toMatchObject([{ kind: 'import', replace: false }]);
    await finish(id, done);
    const ended = await run(id);
    expect(ended).toMatchObject({ status: 'succeeded', message: '2 files are restored' });
    expect(ended).not.toHaveProperty('guard');
    expect(await api.get(of(`backups/${guard}`))).toMatchObject({ status: 404 });
    await isAsBefore();
  });

  it('of a volume that is blank is an import like any other', async () => {
    await api.create({ name: 'new', size: '1G', availabilityZone: 'us-east-1a' });
    expect(await api.volume('new')).toMatchObject({ blank: true });
    expect(await api.volume('data')).not.toHaveProperty('blank');
    const { id, complete } = await send({}, 'new');
    expect((await complete()).body).not.toHaveProperty('guard');
    expect((await volume('new')).filling).toBeUndefined();
    const [asked] = await tasks();
    expect(asked).toMatchObject({ operationId: id, kind: 'import' });
    expect(asked).not.toHaveProperty('replace');
  });

  it('of a directory is of the host that is named', async () => {
    await api.create({ name: 'folder', type: 'hostpath', options: { path: '/data/folder' } });
    const other = await api.host(b);
    for (const one of [host, other]) await one.claim('folder');
    expect((await begin({}, 'folder')).body).toMatchObject({ allowed: `${a}, ${b}` });
    const { complete } = await send({ host: b }, 'folder');
    expect((await complete({ host: b })).body).toMatchObject({ host: b, guard: expect.any(String) });
  });
});

describe('an import in place of what is in use', () => {
  const busy = { code: 'VolumeBusy', about: { hosts: a, containers: 'web' } };

  it('is refused before anything is sent, and once more when all is there', async () => {
    const { id, complete } = await send();
    await use(true);
    expect((await begin()).body).toMatchObject(busy);
    expect((await complete()).body).toMatchObject(busy);
    expect((await api.get(of(`imports/${id}`))).body).toMatchObject({ state: 'receiving' });
    expect(await complete({ force: true })).toMatchObject({ status: 202, body: { id } });
  });

  it('with force is waited for, and nothing is asked of the host before', async () => {
    await use(true);
    const { id, complete } = await send({ force: true });
    await complete({ force: true });
    expect(await run(id)).toMatchObject({ message: expect.stringContaining('Waiting until it is free') });
    expect(await tasks()).toEqual([]);
    await use(false);
    await run(id);
    expect(await tasks()).toMatchObject([{ kind: 'archive' }]);
  });

  it('that is not let go of is given up for good, with nothing left of it', async () => {
    await use(true);
    const { id, complete } = await send({ force: true });
    const { guard } = (await complete({ force: true })).body as { guard: string };
    await run(id);
    api.world.pass(601);
    expect(await run(id, 1)).toMatchObject({ status: 'running', error: { code: 'VolumeBusy' } });
    await use(false);
    expect(await run(id)).toMatchObject({ status: 'failed', error: { code: 'VolumeBusy' } });
    expect((await api.get(of(`backups/${guard}`))).body).toMatchObject({ state: 'failed' });
    await isAsBefore();
  });
});

describe('an import in place that fails', () => {
  it('while what is there is kept changes nothing, and says why', async () => {
    const { id, guard } = await begun();
    await finish(id, failed);
    const error = { code: 'CommandFailed', detail: `${a}: no room`, hint: 'Make room.' };
    expect(await run(id)).toMatchObject({ status: 'failed', error });
    expect((await api.get(of(`backups/${guard}`))).body).toMatchObject({ state: 'failed' });
    await isAsBefore();
  });

  it('where its host holds what it held gives the volume back', async () => {
    const { id, guard } = await guarded();
    await finish(id, { ...failed, asBefore: true });
    expect(await run(id)).toMatchObject({ status: 'failed', guard, error: { detail: `${a}: no room` } });
    await isAsBefore();
  });

  it.each([
    ['does not know what it holds', failed],
    ['is silent', undefined],
  ])('where its host %s keeps the volume from everybody until another one', async (_how, result) => {
    const { id } = await guarded();
    if (result !== undefined) await finish(id, result);
    const error = { hint: expect.stringContaining('restore it in place again') };
    expect(await run(id, 500)).toMatchObject({ status: 'failed', error });
    await nothingLeft();
    await host.sync();
    expect(await use(true)).toMatchObject({ body: { code: 'IllegalState' } });
    expect((await begin({ inPlace: false })).body).toMatchObject({ code: 'IllegalState' });
    const again = await guarded();
    await finish(again.id, done);
    expect(await run(again.id)).toMatchObject({ status: 'succeeded' });
    await isAsBefore();
  });

  it('counts as done when its host has done it while it was given up', async () => {
    const { id } = await guarded();
    for (let turn = 0; turn < 50 && api.world.objects.objects.size > 0; turn++) await run(id, 1);
    await finish(id, done);
    const ended = await run(id);
    expect(ended).toMatchObject({ status: 'succeeded' });
    expect(ended).not.toHaveProperty('error');
    await isAsBefore();
  });

  it('ends although S3 does not let the archive be removed', async () => {
    const { id } = await guarded();
    await finish(id, { ...failed, asBefore: true });
    api.world.objects.fault = new ProductError('AccessDenied', 'no');
    expect(await run(id)).toMatchObject({ status: 'failed', error: { code: 'CommandFailed' } });
    expect((await volume()).filling).toBeUndefined();
  });
});

describe('an import in place is refused', () => {
  it('for what it cannot replace', async () => {
    await api.create({ name: 'memory', type: 'ephemeral', size: '10M' });
    await api.create({ name: 'fixed', type: 'hostpath', readOnly: true, options: { path: '/data/fixed' } });
    expect((await begin({}, 'memory')).body).toMatchObject({ code: 'NotSupported' });
    expect((await begin({}, 'fixed')).body).toMatchObject({ code: 'IllegalState' });
    expect((await begin({ inPlace: false, force: true })).body).toMatchObject({ code: 'InvalidInput' });
  });

  it('by the host alone where nobody said inPlace, and the hint says what to do', async () => {
    const { id, complete } = await send({ inPlace: false });
    expect((await complete({ force: true })).body).toMatchObject({ code: 'InvalidInput' });
    await complete();
    const error = { code: 'IllegalState', detail: 'it holds 1 names', hint: 'Restore in place.' };
    await finish(id, { outcome: 'failed', error });
    expect(await run(id)).toMatchObject({
      status: 'failed',
      error: { ...error, detail: `${a}: it holds 1 names` },
    });
  });
});
