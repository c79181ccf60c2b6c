import { createHash, hash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { SentPart, SignedPart } from '#shared/model/archive-transfer.ts';
import { ProductError } from '#shared/model/errors.ts';
import { ApiWorld, type ApiAnswer, type HostActor } from '#test/support/api-world.ts';

const a = 'i-0000000000000000a';
const b = 'i-0000000000000000b';
const content = Buffer.from('an archive, whatever is in it');
const sha256 = createHash('sha256').update(content).digest('hex');
const wanted = { partNumber: 1, sizeBytes: content.length, sha256: hash('sha256', content, 'base64') };
const of = (path: string) => `/v1/namespaces/default/${path}`;
const partBytes = 8 * 2 ** 20;

let api: ApiWorld;
let host: HostActor;
beforeEach(async () => {
  api = new ApiWorld();
  host = await api.host(a);
  await api.create({ name: 'data', size: '1G', availabilityZone: 'us-east-1a' });
});

/** The volume is written to on the host, and idle. */
async function written(): Promise<void> {
  await host.take('data');
  await api.world.format('data');
}

const run = async (id: string, times = 3): Promise<ApiAnswer['body']> => {
  await api.world.run(id, times);
  return (await api.get(of(`operations/${id}`))).body;
};
const task = (id: string, what: string, body: object): Promise<ApiAnswer> =>
  host.send('POST', `tasks/${id}/${what}`, { bootId: host.bootId, ...body });
const finish = (id: string, result: object): Promise<ApiAnswer> => task(id, 'result', { result });
const report = { files: 2, notes: ['left out: ./socket'] };

/** What a host does for an export. */
async function pack(id: string, attempt = crypto.randomUUID()): Promise<ApiAnswer> {
  const { body } = await task(id, 'parts', { attempt, parts: [wanted] });
  const parts = (body.parts as SignedPart[]).map((part) => api.world.objects.put(part, content));
  return task(id, 'complete', { attempt, parts, sizeBytes: content.length, sha256 });
}

/** What a caller does for an import. */
async function send(): Promise<{ id: string; complete: () => Promise<ApiAnswer> }> {
  const begun = await api.post(of('volumes/data/imports'), { sizeBytes: content.length, partBytes });
  expect(begun).toMatchObject({ status: 201, body: { state: 'receiving', volume: 'data', partBytes } });
  const { id } = begun.body as { id: string };
  const { body } = await api.post(of(`imports/${id}/parts`), { parts: [wanted] });
  const parts: SentPart[] = (body.parts as SignedPart[]).map((part) => api.world.objects.put(part, content));
  return { id, complete: () => api.post(of(`imports/${id}/complete`), { parts, sha256 }) };
}

const sign = (id: string) => api.send({ method: 'POST', path: of(`exports/${id}/url`) });
const nothingLeft = (): void => {
  expect([...api.world.objects.uploads.keys(), ...api.world.objects.objects.keys()]).toEqual([]);
};

describe('an export', () => {
  it('is packed by the host that has the volume, fetched by URL and removed after it', async () => {
    await written();
    const begun = await api.post(of('volumes/data/exports'));
    expect(begun).toMatchObject({ status: 202, body: { kind: 'export', volume: 'data', host: a } });
    const { id } = begun.body as { id: string };
    expect(api.world.woken).toContain(a);
    const [asked] = (await host.sync()).tasks;
    expect(asked).toMatchObject({
      operationId: id,
      kind: 'export',
      name: 'data',
      metadata: { name: 'data', type: 'local', driver: 'ebs', sizeBytes: 2 ** 30, filesystem: 'ext4' },
    });
    expect(await run(id)).toMatchObject({ status: 'running', message: `${a} packs the files` });
    expect((await sign(id)).body).toMatchObject({
      code: 'IllegalState',
      value: 'packing',
    });
    expect(await pack(id)).toMatchObject({ status: 200 });
    await finish(id, { outcome: 'done', transfer: report });
    expect(await run(id)).toMatchObject({
      status: 'succeeded',
      progress: 100,
      message: '2 files are packed',
    });
    const ready = { state: 'ready', sizeBytes: content.length, sha256, report };
    expect((await api.get(of(`exports/${id}`))).body).toMatchObject(ready);
    expect((await sign(id)).body.url).toContain(`transfers/${id}/archive.tar.gz`);
    expect((await host.sync()).tasks).toEqual([]);
    const removed = await api.send({ method: 'DELETE', path: of(`exports/${id}`) });
    expect(removed).toMatchObject({ status: 200, body: { state: 'removed', sizeBytes: content.length } });
    expect(await api.send({ method: 'DELETE', path: of(`exports/${id}`) })).toMatchObject({ status: 200 });
    nothingLeft();
  });

  it('begun again by a restarted agent is an upload of its own; the one before is over', async () => {
    await written();
    const { id } = (await api.post(of('volumes/data/exports'))).body as { id: string };
    const old = crypto.randomUUID();
    await task(id, 'parts', { attempt: old, parts: [wanted] });
    const late = { attempt: old, parts: [{ ...wanted, etag: 'x' }], sizeBytes: content.length, sha256 };
    await pack(id);
    expect((await task(id, 'complete', late)).body).toMatchObject({ code: 'StaleEpoch' });
    expect([...api.world.objects.uploads.keys()]).toEqual([]);
    expect([...api.world.objects.objects.keys()]).toEqual([`transfers/${id}/archive.tar.gz`]);
  });

  it('that fails on its host says why, and leaves nothing', async () => {
    await written();
    const { id } = (await api.post(of('volumes/data/exports'))).body as { id: string };
    await task(id, 'parts', { attempt: crypto.randomUUID(), parts: [wanted] });
    await finish(id, { outcome: 'failed', error: { code: 'VolumeBusy', detail: 'in use elsewhere' } });
    expect(await run(id)).toMatchObject({
      status: 'failed',
      error: { code: 'VolumeBusy', detail: `${a}: in use elsewhere` },
    });
    expect((await api.get(of(`exports/${id}`))).body).toMatchObject({ state: 'failed' });
    nothingLeft();
  });

  it('whose host is silent for ten minutes is given up; what the host sends after that is refused', async () => {
    await written();
    const { id } = (await api.post(of('volumes/data/exports'))).body as { id: string };
    await host.sync();
    expect(await run(id, 500)).toMatchObject({ status: 'failed', error: { code: 'TimedOut' } });
    const late = await task(id, 'parts', { attempt: crypto.randomUUID(), parts: [wanted] });
    expect(late).toMatchObject({ status: 404, body: { code: 'OperationNotFound' } });
    nothingLeft();
  });

  it('ends although S3 does not let the leftovers be removed: the bucket does that a day later', async () => {
    await written();
    const { id } = (await api.post(of('volumes/data/exports'))).body as { id: string };
    await task(id, 'parts', { attempt: crypto.randomUUID(), parts: [wanted] });
    await finish(id, { outcome: 'failed', error: { code: 'CommandFailed', detail: 'tar failed' } });
    api.world.objects.fault = new ProductError('AccessDenied', 'no');
    expect(await run(id, 5)).toMatchObject({ status: 'failed', error: { code: 'CommandFailed' } });
  });

  it('goes to a host of the zone that may get the volume, and to none that may not', async () => {
    await written();
    const { attachments } = await api.volume('data');
    expect(attachments).toHaveLength(1);
    await api.world.detach('data');
    await api.work();
    await api.host(b, 'us-east-1b');
    expect((await api.post(of('volumes/data/exports'))).body).toMatchObject({ host: a });
    const elsewhere = await api.post(of('volumes/data/exports'), { host: b });
    expect(elsewhere.body).toMatchObject({ code: 'IllegalState', value: b });
    api.world.pass(3600);
    const none = await api.post(of('volumes/data/exports'));
    expect(none).toMatchObject({ status: 409, body: { code: 'IllegalState', value: 'data' } });
    expect(none.body.allowed).toContain('us-east-1a');
  });

  it('needs files: blank, unplaced and ephemeral volumes are refused with the reason', async () => {
    const refused = async (name: string) => (await api.post(of(`volumes/${name}/exports`))).body;
    expect(await refused('data')).toMatchObject({
      code: 'IllegalState',
      detail: expect.stringContaining('blank'),
    });
    await api.create({ name: 'nowhere', size: '1G' });
    expect(await refused('nowhere')).toMatchObject({ code: 'IllegalState' });
    await api.create({ name: 'memory', type: 'ephemeral', size: '10M' });
    expect(await refused('memory')).toMatchObject({ code: 'NotSupported', value: 'ephemeral' });
  });

  it('of a directory names the host where there are several', async () => {
    await api.create({ name: 'folder', type: 'hostpath', options: { path: '/data/folder' } });
    expect((await api.post(of('volumes/folder/exports'))).body).toMatchObject({ host: a });
    await api.host(b);
    expect((await api.post(of('volumes/folder/exports'))).body).toMatchObject({ allowed: `${a}, ${b}` });
    expect((await api.post(of('volumes/folder/exports'), { host: b })).body).toMatchObject({ host: b });
  });
});

describe('an import', () => {
  it('is unpacked by a host, once all parts are there, and nothing of it is left', async () => {
    const { id, complete } = await send();
    const operation = await complete();
    expect(operation).toMatchObject({ status: 202, body: { id, kind: 'import', host: a } });
    expect(await complete()).toMatchObject({ status: 202, body: { id } });
    const [asked] = (await host.sync()).tasks;
    expect(asked).toMatchObject({ operationId: id, kind: 'import', name: 'data' });
    const source = await task(id, 'source', {});
    expect(source.body).toMatchObject({ sizeBytes: content.length, sha256 });
    await finish(id, { outcome: 'done', transfer: report });
    expect(await run(id)).toMatchObject({ status: 'succeeded', message: '2 files are restored' });
    expect((await api.get(of(`imports/${id}`))).body).toMatchObject({ state: 'done', report });
    nothingLeft();
    expect(await (await send()).complete()).toMatchObject({ status: 202 });
  });

  it('is one at a time for a volume', async () => {
    const first = await send();
    const second = await send();
    await first.complete();
    expect((await second.complete()).body).toMatchObject({
      code: 'OperationInProgress',
      about: { operation: first.id },
    });
    await finish(first.id, { outcome: 'failed', error: { code: 'ArchiveRefused', detail: 'a device' } });
    expect(await run(first.id)).toMatchObject({ status: 'failed', error: { code: 'ArchiveRefused' } });
    expect(await second.complete()).toMatchObject({ status: 202 });
  });

  it('is refused while containers use the volume, which are named', async () => {
    await written();
    const { volumeId, epoch } = (await host.assignment('data')) ?? { volumeId: '', epoch: 0 };
    await host.lease({ volumeId, epoch }, true);
    await host.sync([{ volumeId, epoch, mounted: true, containers: ['web'] }]);
    const refused = await api.post(of('volumes/data/imports'), { sizeBytes: 10, partBytes });
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'VolumeBusy', about: { containers: 'web' } },
    });
  });

  it('begun with a key twice is one, and its parts end with it', async () => {
    const headers = { 'idempotency-key': 'once' };
    const begin = () => api.post(of('volumes/data/imports'), { sizeBytes: 10, partBytes }, { headers });
    const [one, two] = [await begin(), await begin()];
    expect(two.body).toEqual(one.body);
    expect(api.world.objects.uploads.size).toBe(1);
    const { id, complete } = await send();
    await complete();
    const late = await api.post(of(`imports/${id}/parts`), { parts: [wanted] });
    expect(late.body).toMatchObject({ code: 'IllegalState' });
  });

  it('of other bytes than announced, or without a host, is refused', async () => {
    const short = await api.post(of('volumes/data/imports'), { sizeBytes: content.length + 1, partBytes });
    const { id } = short.body as { id: string };
    const { body } = await api.post(of(`imports/${id}/parts`), { parts: [wanted] });
    const parts = (body.parts as SignedPart[]).map((part) => api.world.objects.put(part, content));
    const refused = await api.post(of(`imports/${id}/complete`), { parts, sha256 });
    expect(refused.body).toMatchObject({ code: 'TransferFailed' });
    api.world.pass(3600);
    const none = await api.post(of('volumes/data/imports'), { sizeBytes: 10, partBytes });
    expect(none.body).toMatchObject({ code: 'IllegalState' });
  });
});

it('a host gets nothing of a task that is another host’s, and nobody of another namespace', async () => {
  await written();
  const { id } = (await api.post(of('volumes/data/exports'))).body as { id: string };
  const other = await api.host(b);
  const body = { bootId: other.bootId, attempt: crypto.randomUUID(), parts: [wanted] };
  expect(await other.send('POST', `tasks/${id}/parts`, body)).toMatchObject({ status: 404 });
  expect(await other.send('POST', `tasks/${id}/source`, { bootId: other.bootId })).toMatchObject({
    status: 404,
  });
  expect(await api.get(`/v1/namespaces/other/exports/${id}`)).toMatchObject({ status: 404 });
  expect(await api.get(of(`imports/${id}`))).toMatchObject({ status: 404 });
});
