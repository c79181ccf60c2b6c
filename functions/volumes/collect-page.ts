import type { StoreQuery } from '#shared/aws/table/store.ts';
import { maxPageSize } from '#shared/model/routes.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';

/** Lambda answers with at most 6 MB: a page ends well before. */
const maxBytes = 4 * 1024 * 1024;

/** How one listing reads its index. */
export interface Listing<Row, Shown> {
  readonly pk: string;
  readonly reverse?: boolean;
  readonly limit: number;
  readonly cursor: string | undefined;
  readonly list: (query: StoreQuery) => Promise<{ items: Row[]; next?: string }>;
  readonly sortKey: (row: Row) => string;
  /** What to show of each row, in order; undefined leaves it out. */
  readonly show: (rows: readonly Row[]) => Promise<(Shown | undefined)[]>;
}

export interface Page<Shown> {
  readonly items: Shown[];
  readonly cursor?: string;
}

/** Reads an index until the page is full, its bytes are, or 1,000 rows were looked at. */
export async function collectPage<Row, Shown>(listing: Listing<Row, Shown>): Promise<Page<Shown>> {
  const { pk, limit, reverse = false } = listing;
  const items: Shown[] = [];
  let after = decodeCursor(pk, listing.cursor);
  let bytes = 0;
  for (let looked = 0; ;) {
    // What a filter leaves out is looked for in larger steps.
    const step = looked === 0 ? limit : Math.max(limit - items.length, 100);
    const chunk = Math.min(maxPageSize - looked, step);
    const page = await listing.list({ pk, reverse, limit: chunk, ...(after === undefined ? {} : { after }) });
    const shown = await listing.show(page.items);
    for (const [at, row] of page.items.entries()) {
      const item = shown[at];
      after = listing.sortKey(row);
      if (item === undefined) continue;
      items.push(item);
      bytes += JSON.stringify(item).length;
      const last = at === page.items.length - 1 && page.next === undefined;
      if (!last && (items.length >= limit || bytes > maxBytes))
        return { items, cursor: encodeCursor(pk, after) };
    }
    looked += chunk;
    if (page.next === undefined || after === undefined) return { items };
    if (looked >= maxPageSize) return { items, cursor: encodeCursor(pk, page.next) };
    after = page.next;
  }
}
