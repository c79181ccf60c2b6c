import type { Key } from '#shared/aws/table/keys.ts';
import type { Item, ItemStore, StorePage, StoreQuery, StoreWrite } from '#shared/aws/table/store.ts';
import { initialStates, transitions, type VolumeState } from '#shared/model/states.ts';
import { ProductError } from '#shared/model/errors.ts';
import { Killed } from '#test/fakes/killed.ts';
import { MemoryStore } from '#test/fakes/memory-store.ts';

/** What may happen to one transaction. */
export type TableFault = 'none' | 'crash-before' | 'crash-after' | 'lost-answer' | 'throttle';

/**
 * A store that watches every write of a volume and of a lease by what is in the table before and after, whatever the typed
 * layer above believes, and lets transactions crash.
 */
export class WatchedStore implements ItemStore {
  #inner: ItemStore = new MemoryStore();
  /** What went wrong, for people; empty when nothing did. */
  readonly violations: string[] = [];
  readonly seen = new Set<string>();
  /** Who held a volume under an epoch. */
  readonly #holders = new Map<string, unknown>();
  next: TableFault[] = [];

  /** Watches this table from now on. */
  open(inner: ItemStore): void {
    this.#inner = inner;
  }

  get(key: Key): Promise<Item | undefined> {
    return this.#inner.get(key);
  }

  getMany(wanted: readonly Key[]): Promise<Item[]> {
    return this.#inner.getMany(wanted);
  }

  query(query: StoreQuery): Promise<StorePage> {
    return this.#inner.query(query);
  }

  work(partition: string, through: string, limit: number): Promise<Key[]> {
    return this.#inner.work(partition, through, limit);
  }

  async transact(writes: readonly StoreWrite[]): Promise<void> {
    const fault = this.next.shift() ?? 'none';
    if (fault === 'crash-before') throw new Killed('before the transaction');
    if (fault === 'throttle') throw new ProductError('Throttled', 'too many');
    const before = await this.#inner.getMany(writes.map(({ key }) => key));
    await this.#inner.transact(writes);
    for (const { key, kind } of writes) {
      if (kind === 'check') continue;
      const was = before.find(({ pk, sk }) => pk === key.pk && sk === key.sk);
      const is = await this.#inner.get(key);
      if (key.sk === 'DESIRED') this.#watchVolume(was, is);
      if (key.sk === 'LEASE') this.#watchLease(was, is);
    }
    if (fault === 'crash-after') throw new Killed('after the transaction');
    if (fault === 'lost-answer') throw new ProductError('Unavailable', 'the answer was lost');
  }

  #watchVolume(was: Item | undefined, is: Item | undefined): void {
    const from = was?.['state'] as VolumeState | undefined;
    const to = (is?.['state'] ?? 'gone') as VolumeState | 'gone';
    this.seen.add(`${from ?? 'new'} > ${to}`);
    if (!legal(from, to)) this.violations.push(`a volume went from ${from ?? 'nothing'} to ${to}`);
    if (was !== undefined && is !== undefined && is['revision'] !== Number(was['revision']) + 1) {
      this.violations.push(`a revision went from ${String(was['revision'])} to ${String(is['revision'])}`);
    }
  }

  #watchLease(was: Item | undefined, is: Item | undefined): void {
    if (was === undefined || is === undefined) return;
    if (Number(is['epoch']) < Number(was['epoch'])) this.violations.push('an epoch went back');
    if (is['holder'] === undefined) return;
    const epoch = `${String(is['pk'])} ${String(is['epoch'])}`;
    const holder = this.#holders.get(epoch) ?? is['holder'];
    this.#holders.set(epoch, holder);
    if (holder !== is['holder']) this.violations.push('two hosts held a volume under one epoch');
  }
}

function legal(from: VolumeState | undefined, to: VolumeState | 'gone'): boolean {
  if (from === undefined) return to === 'gone' || initialStates.some((state) => state === to);
  return from === to || (transitions[from] as readonly string[]).includes(to);
}
