import { isDeepStrictEqual as same } from 'node:util';
import type { Key } from '#shared/aws/table/keys.ts';
import {
  WritesLost,
  type Condition,
  type Item,
  type ItemStore,
  type StorePage,
  type StoreQuery,
  type StoreWrite,
} from '#shared/aws/table/store.ts';

const join = ({ pk, sk }: Key): string => `${pk}\u0000${sk}`;

/** Items by their keys, and by partition, so that a query looks at its own partition alone. */
class Items extends Map<string, Item> {
  readonly #partitions = new Map<unknown, Map<string, Item>>();

  in(partition: string): Iterable<Item> {
    return this.#partitions.get(partition)?.values() ?? [];
  }

  override set(key: string, item: Item): this {
    const partition = this.#partitions.get(item['pk']) ?? new Map<string, Item>();
    this.#partitions.set(item['pk'], partition.set(key, item));
    return super.set(key, item);
  }

  override delete(key: string): boolean {
    this.#partitions.get(this.get(key)?.['pk'])?.delete(key);
    return super.delete(key);
  }
}

/** The table in memory: conditions, transactions and order as DynamoDB has them; reads are of the last write. */
export class MemoryStore implements ItemStore {
  readonly items = new Items();

  get(key: Key): Promise<Item | undefined> {
    return Promise.resolve(this.items.get(join(key)));
  }

  getMany(wanted: readonly Key[]): Promise<Item[]> {
    return Promise.resolve(
      wanted.flatMap((key): Item[] => {
        const item = this.items.get(join(key));
        return item === undefined ? [] : [item];
      }),
    );
  }

  query({ pk, prefix = '', after, limit = 1000, reverse = false }: StoreQuery): Promise<StorePage> {
    const beyond = (sk: string): boolean => after === undefined || (reverse ? sk < after : sk > after);
    const found = [...this.items.in(pk)]
      .map((item) => ({ item, sk: String(item['sk']) }))
      .filter(({ sk }) => sk.startsWith(prefix) && beyond(sk))
      .sort((a, b) => (a.sk < b.sk ? -1 : 1) * (reverse ? -1 : 1));
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return Promise.resolve({
      items: page.map(({ item }) => item),
      ...(found.length > page.length && last !== undefined ? { next: last.sk } : {}),
    });
  }

  work(partition: string, through: string, limit: number): Promise<Key[]> {
    const found = [...this.items.values()]
      .filter((item) => item['workPk'] === partition && String(item['workSk']) <= through)
      .sort((a, b) => (String(a['workSk']) < String(b['workSk']) ? -1 : 1));
    return Promise.resolve(
      found.slice(0, limit).map((item) => ({ pk: String(item['pk']), sk: String(item['sk']) })),
    );
  }

  transact(writes: readonly StoreWrite[]): Promise<void> {
    const touched = new Set(writes.map(({ key }) => join(key))).size;
    if (touched === 0 || touched > 100 || touched !== writes.length) {
      return Promise.reject(new RangeError('a transaction takes 1 to 100 writes, each to another item'));
    }
    const lost = writes.flatMap((write, at) => (holds(this.items.get(join(write.key)), write) ? [] : [at]));
    if (lost.length > 0) return Promise.reject(new WritesLost(lost));
    for (const write of writes) this.#carryOut(write);
    return Promise.resolve();
  }

  #carryOut(write: StoreWrite): void {
    if (write.kind === 'put') this.items.set(join(write.key), structuredClone(write.item));
    if (write.kind === 'delete') this.items.delete(join(write.key));
  }
}

function holds(item: Item | undefined, { kind, when }: StoreWrite): boolean {
  if (when === undefined) return kind !== 'check' || item !== undefined;
  return meets(item, when);
}

function meets(item: Item | undefined, when: Condition): boolean {
  switch (when.kind) {
    case 'absent':
      return item === undefined;
    case 'absentOrBefore':
      return item === undefined || String(item[when.attribute]) < when.time;
    case 'equals':
      return (
        item !== undefined && Object.entries(when.values).every(([name, value]) => same(item[name], value))
      );
  }
}
