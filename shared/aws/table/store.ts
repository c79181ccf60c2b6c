import type { Key } from './keys.ts';

/** An item as it is stored: attributes of the entity beside `pk`, `sk` and the layer's own. */
export type Item = Readonly<Record<string, unknown>>;

/**
 * What must hold of the stored item for a write to happen.
 * `absent`: there is none. `equals`: there is one, and each attribute has this value (undefined: it lacks it).
 * `absentOr`: there is none, or its attribute, an ISO time, is before the one given. Undefined: anything goes.
 */
export type Condition =
  | { readonly kind: 'absent' }
  | { readonly kind: 'equals'; readonly values: Item }
  | { readonly kind: 'absentOrBefore'; readonly attribute: string; readonly time: string };

export type StoreWrite = { readonly key: Key; readonly when?: Condition } & (
  { readonly kind: 'put'; readonly item: Item } | { readonly kind: 'delete' } | { readonly kind: 'check' }
);

/** Sort keys come in ascending order, or descending with `reverse`. */
export interface StoreQuery {
  readonly pk: string;
  /** Only sort keys that begin so. */
  readonly prefix?: string;
  /** Only sort keys after this one (before it, with `reverse`). */
  readonly after?: string;
  /** At most so many items; at most 1 MB in any case. */
  readonly limit?: number;
  readonly reverse?: boolean;
}

export interface StorePage {
  readonly items: readonly Item[];
  /** Sort key to go on after; absent when the partition is read to its end. */
  readonly next?: string;
}

/** The few calls of a key-value table that the product needs. Reads are consistent, but for {@link ItemStore.work}. */
export interface ItemStore {
  get(key: Key): Promise<Item | undefined>;
  /** In no particular order; what is absent is left out. Any number of keys. */
  getMany(keys: readonly Key[]): Promise<Item[]>;
  query(query: StoreQuery): Promise<StorePage>;
  /** Keys of the GSI `work` whose time is up to `through`, oldest first; eventually consistent. */
  work(partition: string, through: string, limit: number): Promise<Key[]>;
  /**
   * All of the writes or none; 1 to 100, each to another item.
   * @throws WritesLost when conditions do not hold; ProductError Throttled, Conflict or Unavailable otherwise.
   */
  transact(writes: readonly StoreWrite[]): Promise<void>;
}

/** Conditions that did not hold: positions in the list of writes. */
export class WritesLost extends Error {
  override readonly name = 'WritesLost';
  readonly positions: readonly number[];

  constructor(positions: readonly number[], options?: ErrorOptions) {
    super(`conditions ${positions.join(', ')} did not hold`, options);
    this.positions = positions;
  }
}
