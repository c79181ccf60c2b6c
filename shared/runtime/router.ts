import type * as z from 'zod';
import { isProductError } from '#shared/model/errors.ts';
import type { ServedBy as Server, RouteName, routes } from '#shared/model/routes.ts';
import { parseEvent, type Caller, type HttpRequest } from './http-request.ts';
import { jsonResponse, problemResponse, type Answered, type HttpResponse } from './http-response.ts';
import { RouteTable, type Matched } from './match-route.ts';
import { parseParts } from './parse-request.ts';
import type { Log } from './telemetry.ts';

type Routes = typeof routes;
export type ServedBy<F extends Server> = {
  [N in RouteName]: Routes[N]['served'] extends F ? N : never;
}[RouteName];
type Output<R, K extends string> =
  R extends Readonly<Record<K, infer S extends z.ZodType>> ? z.output<S> : undefined;

/** A request whose parts are what the route's schemas say. */
export interface RouteRequest<N extends RouteName> {
  readonly caller: Caller;
  readonly params: Output<Routes[N], 'params'>;
  readonly query: Output<Routes[N], 'query'>;
  readonly body: Output<Routes[N], 'body'>;
  readonly idempotencyKey: string | undefined;
  readonly ifMatch: string | undefined;
  readonly requestHash: string;
}

/** An answer that the route promises. */
export type RouteAnswer<N extends RouteName> = {
  [S in keyof Routes[N]['answers']]: Routes[N]['answers'][S] extends infer A extends z.ZodType
    ? { readonly status: S; readonly body: z.output<A>; readonly headers?: Readonly<Record<string, string>> }
    : never;
}[keyof Routes[N]['answers']];

/** One function per route that a Lambda serves: a route without one does not compile. */
export type RouteHandlers<F extends Server> = {
  readonly [N in ServedBy<F>]: (request: RouteRequest<N>) => Promise<RouteAnswer<N>>;
};

type AnyHandler = (request: unknown) => Promise<Answered>;

/** Reports, not changes: said so often that they would drown the audit trail. */
const unaudited: ReadonlySet<RouteName> = new Set<RouteName>(['syncHost']);

/** Parse, hand over, answer. Every error becomes a problem document; every change, and every try, an audit line. */
export function createRouter<F extends Server>(served: F, handlers: RouteHandlers<F>, log: Log) {
  const table = new RouteTable(served);
  return async (event: unknown): Promise<HttpResponse> => {
    let request: HttpRequest;
    try {
      request = parseEvent(event);
    } catch (error) {
      return refuse(error, 'unknown', log);
    }
    let matched: Matched;
    try {
      matched = table.match(request.method, request.path);
    } catch (error) {
      return refuse(error, request.id, log);
    }
    // The mapped type above pairs each name with its own handler; here the name is only known at run time.
    const handler = handlers[matched.name as ServedBy<F>] as unknown as AnyHandler;
    const response = await serve(handler, matched, { request, log });
    audit(matched, { request, response, log });
    return response;
  };
}

async function serve(
  handler: AnyHandler,
  matched: Matched,
  { request, log }: { request: HttpRequest; log: Log },
): Promise<HttpResponse> {
  try {
    return jsonResponse(await handler({ ...parseParts(matched, request), caller: request.caller }));
  } catch (error) {
    return refuse(error, request.id, log);
  }
}

function refuse(error: unknown, requestId: string, log: Log): HttpResponse {
  const response = problemResponse(error, requestId, allowHeader(error));
  if (response.statusCode >= 500 && !isProductError(error, 'NotImplemented'))
    log.error('request failed', { requestId, error });
  return response;
}

function allowHeader(error: unknown): Record<string, string> {
  if (!isProductError(error, 'MethodNotAllowed')) return {};
  return error.details.allowed === undefined ? {} : { allow: error.details.allowed };
}

interface Served {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly log: Log;
}

function audit({ name, route, params }: Matched, { request, response, log }: Served): void {
  if (route.method === 'GET' || unaudited.has(name)) return;
  const { id, caller, headers } = request;
  log.info('audit', {
    audit: {
      route: name,
      ...params,
      caller: caller.arn,
      callerId: caller.userId,
      requestId: id,
      status: response.statusCode,
      ...outcomeOf(response),
      ...(headers['idempotency-key'] === undefined ? {} : { idempotencyKey: headers['idempotency-key'] }),
    },
  });
}

/** What the answer is about: ids and code, never a whole body. */
function outcomeOf(response: HttpResponse): Record<string, unknown> {
  const body: unknown = JSON.parse(response.body);
  if (typeof body !== 'object' || body === null) return {};
  const shown = ['id', 'name', 'volume', 'volumeId', 'kind', 'code'].filter((field) => field in body);
  return Object.fromEntries(shown.map((field) => [field, Reflect.get(body, field) as unknown]));
}
