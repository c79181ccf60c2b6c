import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '#shared/client/client.ts';
import { isProductError } from '#shared/model/errors.ts';
import { startFakeApi, type FakeApi } from './fake-api.ts';
import { fakeKeys, fakeRegion } from './signature.ts';
import { hostA } from './values.ts';

let api: FakeApi;
const params = { namespace: 'default' };
const clientWith = (keys = fakeKeys, region = fakeRegion) =>
  createClient({ endpoint: api.url, region, credentials: () => Promise.resolve(keys), tries: 1 });
const client = () => clientWith();

beforeAll(async () => {
  api = await startFakeApi();
});
afterAll(() => api.stop());
beforeEach(() => api.reset());

describe('the fake API (README.md)', () => {
  it('refuses what is not signed by its key, for its region', async () => {
    expect((await fetch(`${api.url}/api/volumes`)).status).toBe(403);
    const others = [
      clientWith({ ...fakeKeys, secretAccessKey: 'wrong' }),
      clientWith({ ...fakeKeys, accessKeyId: 'AKIDOTHER' }),
      clientWith(fakeKeys, 'eu-west-1'),
    ];
    for (const other of others) {
      await expect(other.call('listVolumes', { params })).rejects.toSatisfy((error) =>
        isProductError(error, 'AccessDenied'),
      );
    }
  });

  it('pages by two', async () => {
    for (const name of ['a', 'b', 'c'])
      await client().call('createVolume', { params, body: { name, type: 'network' } });
    const first = (await client().call('listVolumes', { params })).body;
    expect(first.items.map(({ name }) => name)).toEqual(['a', 'b']);
    const rest = (await client().call('listVolumes', { params, query: { cursor: first.cursor } })).body;
    expect(rest.items.map(({ name }) => name)).toEqual(['c']);
    expect(rest.cursor).toBeUndefined();
  });

  it('needs three reads for an operation', async () => {
    const begun = await client().call('createVolume', { params, body: { name: 'v' } });
    const operation = begun.body.id;
    expect(begun.status).toBe(202);
    const seen: number[] = [];
    for (let read = 0; read < 3; read++) {
      seen.push((await client().call('getOperation', { params: { ...params, operation } })).body.progress);
    }
    expect(seen).toEqual([33, 66, 100]);
  });

  it('hands on one idle volume per read while draining, the used one after its release', async () => {
    const host = { ...params, host: hostA };
    await client().call('drainHost', { params: host, body: { draining: true } });
    const left = async () =>
      (await client().call('getHost', { params: host })).body.volumes?.map(({ name }) => name);
    expect(await left()).toEqual(['used-one']);
    expect(await left()).toEqual(['used-one']);
    api.release();
    expect(await left()).toEqual([]);
  });
});
