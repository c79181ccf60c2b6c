import type * as z from 'zod';
import type { Route, RouteName, routes } from '#shared/model/routes.ts';

/** What the signer needs; the AWS SDK's credential identities fit. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

export interface ClientOptions {
  /** Where the API is, such as `https://abc123.execute-api.eu-west-1.amazonaws.com`; may have a path. */
  readonly endpoint: string;
  readonly region: string;
  /** Asked before every request: caching and refreshing are the provider's. */
  readonly credentials: () => Promise<Credentials>;
  readonly fetch?: typeof fetch;
  /** Milliseconds for one try; default 35,000, beyond the API's own 30 s. */
  readonly timeout?: number;
  /** Tries of a call that may be repeated; default 4. */
  readonly tries?: number;
  /** Milliseconds since 1970, by the machine's clock. */
  readonly clock?: () => number;
  /** Waits so many milliseconds. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

type Routes = typeof routes;
type Schema<R, K extends string> = R extends Readonly<Record<K, infer S extends z.ZodType>> ? S : never;
type Input<R, K extends string> = [Schema<R, K>] extends [never] ? undefined : z.input<Schema<R, K>>;
type Part<R, K extends string> =
  undefined extends Input<R, K>
    ? Readonly<Partial<Record<K, Input<R, K>>>>
    : Record<string, never> extends Input<R, K>
      ? Readonly<Partial<Record<K, Input<R, K>>>>
      : Readonly<Record<K, Input<R, K>>>;

/** What a call takes: the route's own parts, and headers such as `idempotency-key` and `if-match`. */
export type CallOptions<N extends RouteName> = Part<Routes[N], 'params'> &
  Part<Routes[N], 'query'> &
  Part<Routes[N], 'body'> & {
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  };

/** What a call gives: a status that the route may answer with, and its body, validated. */
export type CallAnswer<N extends RouteName> = {
  [S in keyof Routes[N]['answers']]: Routes[N]['answers'][S] extends infer A extends z.ZodType
    ? { readonly status: S; readonly body: z.output<A>; readonly headers: Headers }
    : never;
}[keyof Routes[N]['answers']];

export interface ApiClient {
  /**
   * Calls one route. Sizes are bytes, times ISO 8601 (docs/api.md).
   * @throws ProductError as the API's problem says; Unavailable and TimedOut when it does not answer.
   */
  call<N extends RouteName>(
    name: N,
    ...options: Partial<CallOptions<N>> extends CallOptions<N> ? [CallOptions<N>?] : [CallOptions<N>]
  ): Promise<CallAnswer<N>>;
}

/** The parts of any call, without the route's types. */
export interface AnyCall {
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export type AnyRoute = Route;
