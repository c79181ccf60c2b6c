import { createHash } from 'node:crypto';
import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';
import { parseInput } from '#shared/model/invalid-input.ts';
import type { Route } from '#shared/model/routes.ts';
import type { HttpRequest } from './http-request.ts';
import type { Matched } from './match-route.ts';

/** Bytes. An archive of ten thousand parts has the largest body; then come reports of hosts with many volumes. */
const maxBody = {
  volumes: 128 * 1024,
  backups: 3 * 1024 * 1024,
  hosts: 3 * 1024 * 1024,
} as const satisfies Record<Route['served'], number>;

/** A request's parts by its route's schemas. */
export interface Parts {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly idempotencyKey: string | undefined;
  readonly ifMatch: string | undefined;
  /** Of route, parameters and body: what an Idempotency-Key stands for. */
  readonly requestHash: string;
}

const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, { error: '1 to 255 visible ASCII characters' });
const RequestHeaders = z.object({ 'idempotency-key': IdempotencyKey.optional() });

/** @throws ProductError InvalidInput, BodyTooLarge, UnsupportedMediaType. */
export function parseParts({ name, route, params }: Matched, request: HttpRequest): Parts {
  const headers = parseInput(RequestHeaders, request.headers, 'headers');
  const body = parseBody(route, request);
  return {
    params: route.params === undefined ? {} : parseInput(route.params, params, 'path'),
    query: parseInput(route.query ?? z.strictObject({}), readQuery(route, request.query), 'query'),
    body: route.body === undefined ? undefined : parseInput(route.body, body, 'body'),
    idempotencyKey: route.method === 'POST' ? headers['idempotency-key'] : undefined,
    ifMatch: request.headers['if-match'],
    requestHash: createHash('sha256')
      .update(JSON.stringify([name, params, body]))
      .digest('hex'),
  };
}

function parseBody(route: Route, { body, headers }: HttpRequest): unknown {
  const size = Buffer.byteLength(body);
  const allowed = maxBody[route.served];
  if (size > allowed) {
    throw new ProductError('BodyTooLarge', `The body has ${size} bytes.`, {
      value: size,
      allowed: `up to ${allowed} bytes`,
    });
  }
  if (body.trim() === '') return {};
  if (route.body === undefined) {
    throw new ProductError('InvalidInput', 'This call takes no body.', { allowed: 'no body' });
  }
  const type = headers['content-type'] ?? 'none';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ProductError('UnsupportedMediaType', 'The body must be JSON and say so.', {
      value: type,
      allowed: 'Content-Type: application/json',
    });
  }
  return parseJson(body);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new ProductError('InvalidInput', 'The body is not valid JSON.', {
      value: body.length > 100 ? `${body.slice(0, 100)}…` : body,
      allowed: 'a JSON object',
    });
  }
}

/** Repeated keys are a list where the route takes one, and refused where it does not. */
function readQuery(route: Route, query: URLSearchParams): Record<string, string | string[]> {
  const lists = new Set(
    Object.entries(route.query?.shape ?? {})
      .filter(([, schema]) => isList(schema))
      .map(([name]) => name),
  );
  const read: Record<string, string | string[]> = {};
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    read[name] = lists.has(name) || values.length > 1 ? values : (values[0] ?? '');
  }
  return read;
}

function isList(schema: unknown): boolean {
  const inner: unknown = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  return inner instanceof z.ZodArray;
}
