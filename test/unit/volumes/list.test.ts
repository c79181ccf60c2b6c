import { ulid } from 'ulid';
import { createVolume } from '#shared/aws/table/volume-writes.ts';
import { put } from '#shared/aws/table/writes.ts';
import { describe, expect, it } from 'vitest';
import { ApiWorld, type ApiAnswer } from '#test/support/api-world.ts';

const volumes = '/v1/namespaces/default/volumes';
const names = (answer: ApiAnswer): string[] =>
  (answer.body.items as { name: string }[] | undefined)?.map(({ name }) => name) ?? [];

async function filled(count: number): Promise<ApiWorld> {
  const api = new ApiWorld();
  for (let at = 0; at < count; at++) {
    await api.create({
      name: `v${String(at).padStart(3, '0')}`,
      type: at % 3 === 0 ? 'ephemeral' : 'local',
      labels: { parity: at % 2 === 0 ? 'even' : 'odd', ...(at % 5 === 0 ? { five: 'x' } : {}) },
    });
  }
  return api;
}

describe('list', () => {
  it('is by name, of one namespace, and says whether there is more', async () => {
    const api = await filled(7);
    await api.post('/v1/namespaces/other/volumes', { name: 'elsewhere' });
    const first = await api.get(volumes, 'limit=3');
    expect(names(first)).toEqual(['v000', 'v001', 'v002']);
    const second = await api.get(volumes, `limit=3&cursor=${first.body.cursor}`);
    expect(names(second)).toEqual(['v003', 'v004', 'v005']);
    const third = await api.get(volumes, `limit=3&cursor=${second.body.cursor}`);
    expect(names(third)).toEqual(['v006']);
    expect(third.body.cursor).toBeUndefined();
    expect(names(await api.get('/v1/namespaces/other/volumes'))).toEqual(['elsewhere']);
  });

  it('a page that ends exactly with the last volume has no cursor', async () => {
    const api = await filled(4);
    expect((await api.get(volumes, 'limit=4')).body.cursor).toBeUndefined();
  });

  it.each([
    ['label=parity%3Deven', ['v000', 'v002', 'v004', 'v006']],
    ['label=five', ['v000', 'v005']],
    ['label=%21five&label=parity%3Dodd', ['v001', 'v003']],
    ['label=parity%3Dodd%2Cfive', ['v005']],
    ['label=parity%3Dnone', []],
    ['type=ephemeral', ['v000', 'v003', 'v006']],
    ['type=ephemeral&label=parity%3Dodd', ['v003']],
    ['type=network', []],
  ])('filters by %s', async (query, expected) => {
    const api = await filled(7);
    expect(names(await api.get(volumes, query))).toEqual(expected);
  });

  it('pages through a filter without losing or doubling a volume', async () => {
    const api = await filled(11);
    const found: string[] = [];
    for (let cursor = ''; ;) {
      const page = await api.get(volumes, `label=%21five&limit=2${cursor}`);
      found.push(...names(page));
      if (page.body.cursor === undefined) break;
      cursor = `&cursor=${page.body.cursor}`;
    }
    expect(found).toEqual(['v001', 'v002', 'v003', 'v004', 'v006', 'v007', 'v008', 'v009']);
  });

  it('ends a page before it is larger than Lambda may answer with', async () => {
    const api = new ApiWorld();
    const labels = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`key${at}`, 'v'.repeat(128)]));
    await api.create({ name: 'v', type: 'ephemeral', labels, description: 'd'.repeat(1024) });
    const { volume } = await api.world.volume('v');
    for (let at = 0; at < 650; at++) {
      const copy = { ...volume, id: `vol-${ulid()}`, name: `v${at}`, labels: {} };
      await api.world.table.transact(createVolume(copy, undefined));
      await api.world.table.transact([put('volume', { ...copy, labels })]);
    }
    const page = await api.get('/api/volumes');
    expect(JSON.stringify(page.body).length).toBeLessThan(5 * 1024 * 1024);
    expect(page.headers['link']).toMatch(/^<\/api\/volumes\?cursor=[\w-]+>; rel="next"$/);
  });

  it('follows labels when they change, and shows deleted volumes only when asked', async () => {
    const api = await filled(3);
    await api.send({ method: 'PATCH', path: `${volumes}/v001`, body: { labels: { parity: 'even' } } });
    expect(names(await api.get(volumes, 'label=parity%3Deven'))).toEqual(['v000', 'v001', 'v002']);
    expect(names(await api.get(volumes, 'label=parity%3Dodd'))).toEqual([]);
    await api.send({ method: 'DELETE', path: `${volumes}/v000` });
    expect(names(await api.get(volumes))).toEqual(['v001', 'v002']);
    expect(names(await api.get(volumes, 'label=parity%3Deven'))).toEqual(['v001', 'v002']);
    const deleted = await api.get(volumes, 'deleted=true');
    expect(deleted.body.items).toMatchObject([{ name: 'v000', state: 'deleted', labels: { five: 'x' } }]);
  });
});

describe("the first documents' routes", () => {
  it('create, list as a bare array with Link, delete', async () => {
    const api = new ApiWorld();
    const created = await api.post('/api/volumes/create', {
      name: 'my-data-volume',
      size: '10G',
      type: 'local',
      labels: { app: 'db', env: 'prod' },
    });
    expect(created).toMatchObject({ status: 201, body: { name: 'my-data-volume', namespace: 'default' } });
    await api.post('/api/volumes/create', { name: 'other' });
    const all = await api.get('/api/volumes');
    expect(all.body.map(({ name }: { name: string }) => name)).toEqual(['my-data-volume', 'other']);
    expect(all.headers['link']).toBeUndefined();
    const first = await api.get('/api/volumes', 'limit=1&label=%21none');
    expect(first.body).toHaveLength(1);
    const next = /^<\/api\/volumes\?(.*)>; rel="next"$/.exec(first.headers['link'] ?? '')?.[1];
    const second = await api.get('/api/volumes', next);
    expect(second.body).toMatchObject([{ name: 'other' }]);
    const deleted = await api.post('/api/volumes/delete', { name: 'my-data-volume', force: false });
    expect(deleted).toMatchObject({ status: 200, body: { state: 'deleted' } });
    expect(await api.post('/api/volumes/delete', { name: 'my-data-volume' })).toMatchObject({ status: 404 });
  });

  it('deploy says what is missing', async () => {
    const answer = await new ApiWorld().post('/api/deploy', {
      image: 'mysql:8',
      name: 'mysql-db',
      volumes: [],
    });
    expect(answer).toMatchObject({ status: 501, body: { code: 'NotImplemented' } });
    expect(answer.body.hint).toContain('docker run -v');
  });
});
