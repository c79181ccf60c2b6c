import { readFileSync } from 'node:fs';
import { ulid } from 'ulid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type ApiClient, type Credentials } from '#shared/client/client.ts';
import { sign } from '#shared/client/sign.ts';
import { routes, type Route } from '#shared/model/routes.ts';
import type { ApiRequest } from './api-world.ts';
import { badRequests } from './bad-requests.ts';
import { until } from './until.ts';

/** An API that is deployed somewhere, and a person who may call it. */
export interface ApiTarget {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: () => Promise<Credentials>;
}

const problems = JSON.parse(
  readFileSync(new URL('../unit/runtime/bad-requests.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;

/**
 * Bad requests that reach the function as they are: URLs are normalised on the way, fetch sends no body with a GET, and paths
 * and methods that are no route are answered by API Gateway itself.
 */
const sendable = badRequests.filter(
  ([title, { method = 'GET', path, body }]) =>
    !title.startsWith('route:') &&
    !title.startsWith('method:') &&
    !path.includes('%') &&
    !(method === 'GET' && body),
);

const hostRoutes = (Object.entries(routes) as [string, Route][]).filter(
  ([, { served }]) => served === 'hosts',
);

/**
 * What every deployment of the API must do: create, read, update, delete, page, refuse. Needs no host. It works in a namespace
 * of its own, and leaves nothing but tombstones.
 */
export function apiSuite(connect: () => ApiTarget | Promise<ApiTarget>): void {
  describe('the API', () => {
    const namespace = `t-${ulid().toLowerCase()}`;
    const params = { namespace };
    let target: ApiTarget;
    let api: ApiClient;

    beforeAll(async () => {
      target = await connect();
      api = createClient(target);
    });
    afterAll(async () => {
      for (const { name } of (await api.call('listVolumes', { params, query: { limit: 1000 } })).body.items) {
        await api.call('deleteVolume', {
          params: { ...params, name },
          query: { force: 'true', purge: 'true' },
        });
      }
    });

    const raw = async (
      request: ApiRequest,
      change: (headers: Record<string, string>) => void = () => undefined,
    ) => {
      const { method = 'GET', path, query = '', body, headers = {} } = request;
      const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
      const url = new URL(`${target.endpoint.replace(/\/+$/, '')}${path}${query === '' ? '' : `?${query}`}`);
      const plain = {
        method,
        url,
        body: text,
        headers: { ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      };
      const { region } = target;
      const signed = await sign(plain, { region, date: new Date(), credentials: await target.credentials() });
      change(signed);
      const answer = await fetch(url, {
        method,
        headers: signed,
        ...(text === undefined ? {} : { body: text }),
      });
      return {
        status: answer.status,
        headers: answer.headers,
        body: JSON.parse(await answer.text()) as unknown,
      };
    };

    const settled = (operation: string) =>
      until(
        'the operation to end',
        async () => {
          const { body } = await api.call('getOperation', { params: { ...params, operation } });
          return body.status === 'succeeded' || body.status === 'failed' ? body : undefined;
        },
        { within: 120_000, every: 500 },
      );

    it('says who the caller is', async () => {
      const { body } = await api.call('whoAmI');
      expect(body.arn).toMatch(/^arn:aws:(iam|sts)::\d{12}:/);
      expect(Math.abs(Date.parse(body.now) - Date.now())).toBeLessThan(60_000);
    });

    it('creates a block volume by an operation, and the same again gives the same', async () => {
      const { body: zoneless } = await api.call('createVolume', {
        params,
        body: { name: 'unplaced', size: '1G' },
      });
      expect(zoneless).toMatchObject({ state: 'unplaced' });
      const body = {
        name: 'block',
        size: '1G',
        availabilityZone: `${target.region}a`,
        labels: { suite: 'api' },
      };
      const created = await api.call('createVolume', { params, body, headers: { 'idempotency-key': 'one' } });
      expect(created.status).toBe(202);
      const operation = await settled((created.body as { id: string }).id);
      expect(operation).toMatchObject({ status: 'succeeded', progress: 100, volume: 'block' });
      const { body: volume } = await api.call('getVolume', { params: { ...params, name: 'block' } });
      expect(volume).toMatchObject({
        state: 'available',
        size: '1G',
        storage: { kind: 'ebs' },
        encrypted: true,
      });
      const again = await api.call('createVolume', { params, body });
      expect([again.status, again.body.id]).toEqual([200, volume.id]);
      await expect(api.call('createVolume', { params, body: { ...body, size: '2G' } })).rejects.toMatchObject(
        {
          code: 'NameTaken',
        },
      );
      await expect(
        api.call('createVolume', {
          params,
          body: { ...body, size: '2G' },
          headers: { 'idempotency-key': 'one' },
        }),
      ).rejects.toMatchObject({ code: 'IdempotencyMismatch' });
    });

    it('updates under If-Match, deletes, and brings back', async () => {
      const name = 'short';
      const on = { params: { ...params, name } };
      await api.call('createVolume', { params, body: { name, type: 'ephemeral', size: '64M' } });
      const updated = await api.call('updateVolume', {
        ...on,
        body: { labels: { a: '1' } },
        headers: { 'if-match': '"1"' },
      });
      expect(updated.headers.get('etag')).toBe('"2"');
      await expect(
        api.call('updateVolume', { ...on, body: { description: 'x' }, headers: { 'if-match': '"1"' } }),
      ).rejects.toMatchObject({ code: 'StaleRevision' });
      await api.call('updateVolume', { ...on, body: { protected: true } });
      await expect(api.call('deleteVolume', on)).rejects.toMatchObject({ code: 'VolumeProtected' });
      await api.call('updateVolume', { ...on, body: { protected: false } });
      expect((await api.call('deleteVolume', on)).body).toMatchObject({ state: 'deleted' });
      await expect(api.call('getVolume', on)).rejects.toMatchObject({ code: 'VolumeNotFound' });
      const back = await api.call('undeleteVolume', { ...on, body: { as: 'shorter' } });
      expect(back.body).toMatchObject({ name: 'shorter', state: 'available', labels: { a: '1' } });
    });

    it('lists by pages and labels', async () => {
      for (const at of [0, 1, 2, 3, 4]) {
        const body = { name: `list-${at}`, type: 'ephemeral', labels: { kind: 'list', parity: `${at % 2}` } };
        await api.call('createVolume', { params, body });
      }
      const found: string[] = [];
      for (let cursor: string | undefined; ;) {
        const { body } = await api.call('listVolumes', {
          params,
          query: { label: ['kind=list'], limit: 2, cursor },
        });
        found.push(...body.items.map(({ name }) => name));
        cursor = body.cursor;
        if (cursor === undefined) break;
      }
      expect(found).toEqual(['list-0', 'list-1', 'list-2', 'list-3', 'list-4']);
      const odd = await api.call('listVolumes', { params, query: { label: ['kind', 'parity=1', '!none'] } });
      expect(odd.body.items.map(({ name }) => name)).toEqual(['list-1', 'list-3']);
    });

    it('serves the routes and bodies of the first documents', async () => {
      const name = `seed-${namespace}`;
      const body = { name, size: '10G', type: 'ephemeral', labels: { app: 'db', env: 'prod' } };
      expect((await raw({ method: 'POST', path: '/api/volumes/create', body })).status).toBe(201);
      const listed = await raw({ path: '/api/volumes', query: 'label=app%3Ddb' });
      expect(listed.body).toEqual(expect.arrayContaining([expect.objectContaining({ name })]));
      const deleted = await raw({
        method: 'POST',
        path: '/api/volumes/delete',
        body: { name, force: false },
      });
      expect(deleted).toMatchObject({ status: 200, body: { state: 'deleted' } });
    });

    it.each(sendable)('refuses %s with its problem document', async (title, request) => {
      const { headers, body } = await raw(request);
      expect(body).toEqual(problems[title]);
      expect(headers.get('content-type')).toBe('application/problem+json');
    });

    it.each([
      ['a call without a signature', (headers: Record<string, string>) => delete headers['authorization']],
      ['a bearer token', (headers: Record<string, string>) => (headers['authorization'] = 'Bearer x')],
      [
        'a signature of other headers',
        (headers: Record<string, string>) => (headers['x-amz-date'] = '20200101T000000Z'),
      ],
      [
        'a signature that was tampered with',
        (headers: Record<string, string>) =>
          (headers['authorization'] = (headers['authorization'] ?? '').replace(
            /Signature=.{8}/,
            'Signature=00000000',
          )),
      ],
    ])('lets nobody in with %s', async (_, change) => {
      const answer = await raw(
        { path: `/v1/namespaces/${namespace}/volumes` },
        (headers) => void change(headers),
      );
      expect(answer.status).toBe(403);
    });

    it.each(hostRoutes)('refuses a person: %s', async (_, { method, path }) => {
      const filled = path
        .replace('{name}', 'block')
        .replace('{volumeId}', `vol-${ulid()}`)
        .replace('{operation}', `op-${ulid()}`);
      const answer = await raw({ method, path: filled, ...(method === 'GET' ? {} : { body: {} }) });
      expect(filled).not.toContain('{');
      expect([400, 403]).toContain(answer.status);
    });
  });
}
