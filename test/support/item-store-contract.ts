import { beforeAll, describe, expect, it } from 'vitest';
import { ulid } from 'ulid';
import {
  WritesLost,
  type Condition,
  type Item,
  type ItemStore,
  type StoreWrite,
} from '#shared/aws/table/store.ts';

/** Every implementation of ItemStore passes this suite: what the product believes of its table. */
export function itemStoreContract(name: string, make: () => Promise<ItemStore>): void {
  describe(`${name}: the contract of an item store`, () => {
    let store: ItemStore;
    let pk: string;
    beforeAll(async () => {
      store = await make();
    });
    const fresh = (): void => {
      pk = `P#${ulid()}`;
    };
    const put = (sk: string, item: Item = {}, when?: Condition): StoreWrite => ({
      kind: 'put',
      key: { pk, sk },
      item: { pk, sk, ...item },
      ...(when === undefined ? {} : { when }),
    });
    const lostAt = async (...writes: StoreWrite[]): Promise<readonly number[]> => {
      const error: unknown = await store.transact(writes).catch((thrown: unknown) => thrown);
      return error instanceof WritesLost ? error.positions : [];
    };

    it('reads what was written at once, and nothing where nothing is', async () => {
      fresh();
      expect(await store.get({ pk, sk: 'a' })).toBeUndefined();
      await store.transact([put('a', { text: 'x', list: [1, 2], map: { deep: { yes: true } } })]);
      expect(await store.get({ pk, sk: 'a' })).toEqual({
        pk,
        sk: 'a',
        text: 'x',
        list: [1, 2],
        map: { deep: { yes: true } },
      });
    });

    it('refuses to create what is there, and names the positions that lost', async () => {
      fresh();
      await store.transact([put('b', {}, { kind: 'absent' })]);
      const again = await lostAt(
        put('a'),
        put('b', {}, { kind: 'absent' }),
        put('c', {}, { kind: 'absent' }),
      );
      expect(again).toEqual([1]);
      expect(await store.get({ pk, sk: 'a' })).toBeUndefined();
    });

    it('compares attributes exactly: numbers, booleans, texts, lists, maps in any order of keys, and absence', async () => {
      fresh();
      const item = { n: 1, flag: false, list: ['a'], map: { state: 'formatted', uuid: 'u', mounted: true } };
      await store.transact([put('a', item)]);
      const holds = (values: Item): Condition => ({ kind: 'equals', values });
      const map = { mounted: true, uuid: 'u', state: 'formatted' };
      expect(await lostAt(put('a', item, holds({ ...item, map, gone: undefined })))).toEqual([]);
      for (const values of [
        { n: 2 },
        { n: '1' },
        { flag: true },
        { list: ['a', 'b'] },
        { map: { state: 'formatted', uuid: 'u', mounted: false } },
        { n: undefined },
        { gone: 1 },
      ]) {
        expect([values, await lostAt(put('a', {}, holds(values)))]).toEqual([values, [0]]);
      }
    });

    it('an equality asks that there is an item, even of nothing', async () => {
      fresh();
      expect(await lostAt(put('a', {}, { kind: 'equals', values: {} }))).toEqual([0]);
      expect(await lostAt(put('a', {}, { kind: 'equals', values: { x: undefined } }))).toEqual([0]);
      await store.transact([put('a')]);
      expect(await lostAt(put('a', {}, { kind: 'equals', values: {} }))).toEqual([]);
    });

    it('takes over what is absent or older than a time', async () => {
      fresh();
      const before = (time: string): Condition => ({ kind: 'absentOrBefore', attribute: 'until', time });
      expect(await lostAt(put('a', { until: '2026-01-02' }, before('2026-01-01')))).toEqual([]);
      expect(await lostAt(put('a', { until: '2026-01-03' }, before('2026-01-02')))).toEqual([0]);
      expect(await lostAt(put('a', { until: '2026-01-03' }, before('2026-01-02T00:00')))).toEqual([]);
    });

    it('deletes, under conditions too, and a delete of nothing is fine', async () => {
      fresh();
      await store.transact([put('a', { n: 1 }), { kind: 'delete', key: { pk, sk: 'none' } }]);
      const when: Condition = { kind: 'equals', values: { n: 2 } };
      expect(await lostAt({ kind: 'delete', key: { pk, sk: 'a' }, when })).toEqual([0]);
      await store.transact([
        { kind: 'delete', key: { pk, sk: 'a' }, when: { kind: 'equals', values: { n: 1 } } },
      ]);
      expect(await store.get({ pk, sk: 'a' })).toBeUndefined();
    });

    it('checks without writing', async () => {
      fresh();
      expect(await lostAt({ kind: 'check', key: { pk, sk: 'a' } }, put('b'))).toEqual([0]);
      expect(await store.get({ pk, sk: 'b' })).toBeUndefined();
      await store.transact([put('a', { n: 1 })]);
      const when: Condition = { kind: 'equals', values: { n: 1 } };
      expect(await lostAt({ kind: 'check', key: { pk, sk: 'a' }, when }, put('b'))).toEqual([]);
    });

    it('refuses two writes to one item, more than 100, and none', async () => {
      fresh();
      await expect(store.transact([put('a'), put('a', { n: 2 })])).rejects.toBeInstanceOf(Error);
      const many = Array.from({ length: 101 }, (_, at) => put(`m${at}`));
      await expect(store.transact(many)).rejects.toBeInstanceOf(Error);
      await expect(store.transact([])).rejects.toBeInstanceOf(Error);
      expect((await store.query({ pk })).items).toEqual([]);
    });

    it('lists a partition in order of its keys, by prefix, after a key, backwards, in pages', async () => {
      fresh();
      const names = ['A', 'B#1', 'B#2', 'B#3', 'a', 'é'];
      await store.transact(names.toReversed().map((sk) => put(sk)));
      const list = async (query: object): Promise<unknown[]> =>
        (await store.query({ pk, ...query })).items.map((item) => item['sk']);
      expect(await list({})).toEqual(names);
      expect(await list({ prefix: 'B#' })).toEqual(['B#1', 'B#2', 'B#3']);
      expect(await list({ after: 'B#2' })).toEqual(['B#3', 'a', 'é']);
      expect(await list({ after: 'B#11' })).toEqual(['B#2', 'B#3', 'a', 'é']);
      expect(await list({ reverse: true, after: 'B#2' })).toEqual(['B#1', 'A']);
      const first = await store.query({ pk, limit: 4 });
      expect(first.items).toHaveLength(4);
      expect(first.next).toBe('B#3');
      const rest = await store.query({ pk, after: first.next ?? '', limit: 4 });
      expect(rest.items.map((item) => item['sk'])).toEqual(['a', 'é']);
      expect(rest.next).toBeUndefined();
    });

    it('reads any number of items by key', async () => {
      fresh();
      const wanted = Array.from({ length: 250 }, (_, at) => ({ pk, sk: `k${at}` }));
      for (let at = 0; at < 250; at += 50) {
        await store.transact(wanted.slice(at, at + 50).map(({ sk }) => put(sk)));
      }
      expect(await store.getMany([...wanted, { pk, sk: 'none' }])).toHaveLength(250);
      expect(await store.getMany([])).toEqual([]);
    });

    it('keeps the list of work by time, of what has an entry there', async () => {
      fresh();
      const work = `W#${ulid()}`;
      await store.transact([
        put('2', { workPk: work, workSk: '2026-01-02#b' }),
        put('1', { workPk: work, workSk: '2026-01-01#a' }),
        put('none'),
      ]);
      const due = async (through: string, limit = 10): Promise<string[]> =>
        (await store.work(work, through, limit)).map(({ sk }) => sk);
      expect(await due('2026-01-03')).toEqual(['1', '2']);
      expect(await due('2026-01-02')).toEqual(['1']);
      expect(await due('2026-01-03', 1)).toEqual(['1']);
      await store.transact([put('1', { done: true })]);
      expect(await due('2026-01-03')).toEqual(['2']);
    });
  });
}
