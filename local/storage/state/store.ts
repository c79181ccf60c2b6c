import type { TableName, Tables } from './entities.ts';
import { tableNames } from './entities.ts';
import { type Change, Journal } from './journal.ts';

/** How long a change stays visible to reads that are asked to be stale. */
const historyMs = 120_000;
const compactAfterLines = 20_000;

interface Past {
  readonly at: number;
  readonly table: TableName;
  readonly id: string;
  readonly before: unknown;
}

/** Read access to the records, of now or of a moment ago. */
export interface View {
  get<T extends TableName>(table: T, id: string): Tables[T] | undefined;
  list<T extends TableName>(table: T): readonly Tables[T][];
}

/** All records, in memory and journaled. A change is seen at once and is durable after {@link Store.commit}. */
export class Store implements View {
  readonly #tables = new Map<TableName, Map<string, unknown>>(
    tableNames.map((name) => [name, new Map<string, unknown>()]),
  );
  readonly #journal: Journal;
  #past: Past[] = [];

  private constructor(journal: Journal) {
    this.#journal = journal;
  }

  static async open(dir: string): Promise<Store> {
    const { journal, changes } = await Journal.open(dir);
    const store = new Store(journal);
    for (const { table, id, value } of changes) store.#table(table as TableName)?.set(id, value);
    for (const records of store.#tables.values()) {
      for (const [id, value] of records) if (value === undefined) records.delete(id);
    }
    await store.#compact();
    return store;
  }

  get<T extends TableName>(table: T, id: string): Tables[T] | undefined {
    return this.#table(table)?.get(id) as Tables[T] | undefined;
  }

  list<T extends TableName>(table: T): readonly Tables[T][] {
    return [...(this.#table(table)?.values() ?? [])] as Tables[T][];
  }

  /** The keys of a table's records. */
  ids(table: TableName): readonly string[] {
    return [...(this.#table(table)?.keys() ?? [])];
  }

  put<T extends TableName>(table: T, id: string, value: Tables[T]): Tables[T] {
    this.#change({ table, id, value });
    return value;
  }

  /** Changes some members of a record that is still there; gives the new record. */
  patch<T extends TableName>(table: T, id: string, change: Partial<Tables[T]>): Tables[T] | undefined {
    const record = this.get(table, id);
    return record && this.put(table, id, { ...record, ...change });
  }

  delete(table: TableName, id: string): void {
    if (this.#table(table)?.has(id)) this.#change({ table, id });
  }

  /** The records as they were at a time (ms since the epoch), as far back as the history goes. */
  asOf(time: number): View {
    const overlay = new Map<string, unknown>();
    for (const { at, table, id, before } of this.#past.toReversed()) {
      if (at > time) overlay.set(`${table}/${id}`, before);
    }
    return {
      get: (table, id) => {
        const key = `${table}/${id}`;
        return (overlay.has(key) ? overlay.get(key) : this.get(table, id)) as never;
      },
      list: (table) => {
        const records = new Map(this.#table(table));
        for (const [key, value] of overlay) {
          if (key.startsWith(`${table}/`)) records.set(key.slice(table.length + 1), value);
        }
        return [...records.values()].filter((value) => value !== undefined) as never;
      },
    };
  }

  async commit(): Promise<void> {
    await this.#journal.commit();
    if (this.#journal.length > compactAfterLines) await this.#compact();
  }

  /** Forgets everything. */
  async clear(): Promise<void> {
    for (const table of tableNames) for (const id of this.ids(table)) this.delete(table, id);
    this.#past = [];
    await this.#compact();
  }

  async close(): Promise<void> {
    await this.#compact();
    await this.#journal.close();
  }

  #table(name: TableName): Map<string, unknown> | undefined {
    return this.#tables.get(name);
  }

  #change({ table, id, value }: { table: TableName; id: string; value?: unknown }): void {
    const records = this.#table(table);
    const now = Date.now();
    this.#past.push({ at: now, table, id, before: records?.get(id) });
    if (this.#past[0] && this.#past[0].at < now - historyMs)
      this.#past = this.#past.filter(({ at }) => at >= now - historyMs);
    if (value === undefined) records?.delete(id);
    else records?.set(id, value);
    this.#journal.append({ table, id, ...(value === undefined ? {} : { value }) });
  }

  async #compact(): Promise<void> {
    await this.#journal.compact(() => {
      const records: Change[] = [];
      for (const [table, rows] of this.#tables)
        for (const [id, value] of rows) records.push({ table, id, value });
      return records;
    });
  }
}
