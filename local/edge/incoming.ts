import type { IncomingMessage } from 'node:http';
import { claimOf, type Claim } from './sigv4/credential.ts';

/** A request, taken apart once. */
export interface Incoming {
  readonly request: IncomingMessage;
  readonly method: string;
  /** As sent, still encoded. */
  readonly path: string;
  /** With its `?`; empty without a query. */
  readonly search: string;
  readonly query: URLSearchParams;
  readonly target: string | undefined;
  readonly claim: Claim | undefined;
}

export function incomingOf(request: IncomingMessage): Incoming {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const search = mark < 0 ? '' : url.slice(mark);
  const query = new URLSearchParams(search);
  const target = request.headers['x-amz-target'];
  return {
    request,
    method: request.method ?? 'GET',
    path,
    search,
    query,
    target: Array.isArray(target) ? target[0] : target,
    claim: claimOf(request.headers, query),
  };
}

/** Whether the body is a form, as in the query protocol, and small enough to be read before it is passed on. */
export function isSmallForm({ headers }: IncomingMessage): boolean {
  const size = Number(headers['content-length'] ?? Number.NaN);
  return size <= 1 << 20 && (headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
}
