import type { Key } from '#shared/aws/table/keys.ts';
import type { Item, ItemStore, StorePage, StoreQuery, StoreWrite } from '#shared/aws/table/store.ts';
import { ProductError } from '#shared/model/errors.ts';
import { Killed } from '#test/fakes/killed.ts';
import type { Random } from './random.ts';

export type StoreFault = 'table-crash-before' | 'table-crash-after' | 'table-lost' | 'table-unavailable';

/** The table as a worker sees it: calls take a random while, so that workers interleave; writes fail as they may. */
export class UnreliableStore implements ItemStore {
  readonly #inner: ItemStore;
  readonly #random: Random;
  readonly #fault: () => StoreFault | undefined;

  constructor(inner: ItemStore, random: Random, fault: () => StoreFault | undefined) {
    this.#inner = inner;
    this.#random = random;
    this.#fault = fault;
  }

  async get(key: Key): Promise<Item | undefined> {
    await this.#pause();
    return this.#inner.get(key);
  }

  async getMany(keys: readonly Key[]): Promise<Item[]> {
    await this.#pause();
    return this.#inner.getMany(keys);
  }

  async query(query: StoreQuery): Promise<StorePage> {
    await this.#pause();
    return this.#inner.query(query);
  }

  async work(partition: string, through: string, limit: number): Promise<Key[]> {
    await this.#pause();
    return this.#inner.work(partition, through, limit);
  }

  async transact(writes: readonly StoreWrite[]): Promise<void> {
    await this.#pause();
    const fault = this.#fault();
    if (fault === 'table-crash-before') throw new Killed('before a transaction');
    if (fault === 'table-unavailable') throw new ProductError('Unavailable', 'The table does not answer.');
    await this.#inner.transact(writes);
    if (fault === 'table-crash-after') throw new Killed('after a transaction');
    if (fault === 'table-lost') throw new ProductError('Unavailable', 'The answer was lost.');
  }

  async #pause(): Promise<void> {
    for (let turns = this.#random.below(6); turns > 0; turns--) await Promise.resolve();
  }
}
