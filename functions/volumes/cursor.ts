import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';

/** Where a listing goes on: after `s` in partition `p`. Opaque to callers. */
const Cursor = z.strictObject({ p: z.string(), s: z.string().min(1).max(400) });

export function encodeCursor(partition: string, after: string): string {
  return Buffer.from(JSON.stringify({ p: partition, s: after })).toString('base64url');
}

/**
 * The sort key to go on after. A cursor is only ever used within the partition that the request itself names.
 * @throws ProductError InvalidCursor for anything that this listing did not give.
 */
export function decodeCursor(partition: string, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const parsed = Cursor.safeParse(parse(cursor));
  if (parsed.success && parsed.data.p === partition && encodeCursor(partition, parsed.data.s) === cursor) {
    return parsed.data.s;
  }
  throw new ProductError('InvalidCursor', 'The cursor is not one that this listing gave.', {
    value: cursor.length > 100 ? `${cursor.slice(0, 100)}…` : cursor,
    allowed: 'the cursor of the page before, with the same namespace and filter',
    hint: 'List again from the beginning.',
  });
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
