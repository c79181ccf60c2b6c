import { createHash } from 'node:crypto';
import type { Call, Cloud } from '../cloud.ts';
import { AwsError } from '../errors.ts';

interface Listing<T> {
  readonly items: readonly T[];
  readonly input: { readonly MaxResults?: number | undefined; readonly NextToken?: string | undefined };
  readonly key: (item: T) => string;
  /** Ids in the request, which exclude MaxResults. */
  readonly ids?: readonly string[] | undefined;
  readonly least?: number;
  readonly most?: number;
}

/**
 * One page, ordered by key, and the token of the next. A token is bound to its query: with another one it is invalid.
 * An item that goes meanwhile shifts nothing, since a token names the last key and not a position.
 */
export function pageOf<T>(
  cloud: Cloud,
  call: Call,
  listing: Listing<T>,
): { items: readonly T[]; next: { NextToken?: string } } {
  const { input, key, least = 5, most = 1000 } = listing;
  const { MaxResults: max, NextToken: token, ...query } = input;
  if (max !== undefined && listing.ids && listing.ids.length > 0) {
    throw new AwsError(
      'InvalidParameterCombination',
      'The parameter maxResults cannot be used with ids in the same request',
    );
  }
  if (max !== undefined && (max < least || max > most)) {
    throw new AwsError(
      'InvalidParameterValue',
      `Value ( ${max} ) for parameter maxResults is invalid. Expecting a value between ${least} and ${most}.`,
    );
  }
  const mark = createHash('sha256')
    .update(JSON.stringify([call.region, query]))
    .digest('hex')
    .slice(0, 16);
  const after = token === undefined ? undefined : afterOf(token, mark);
  const sorted = listing.items
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .filter((item) => after === undefined || key(item) > after);
  const items = sorted.slice(0, max ?? cloud.settings.limits.pageSize);
  const last = items.at(-1);
  if (last === undefined || items.length === sorted.length) return { items, next: {} };
  return { items, next: { NextToken: Buffer.from(JSON.stringify([mark, key(last)])).toString('base64url') } };
}

function afterOf(token: string, mark: string): string {
  try {
    const [of, after] = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as [unknown, unknown];
    if (of === mark && typeof after === 'string') return after;
  } catch {
    // not a token of ours
  }
  throw new AwsError('InvalidNextToken', 'The specified NextToken is not valid');
}
