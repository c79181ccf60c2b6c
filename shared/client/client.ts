import { setTimeout as delay } from 'node:timers/promises';
import { ProductError, isProductError } from '#shared/model/errors.ts';
import { routes, type RouteName } from '#shared/model/routes.ts';
import { parseAnswer, parseProblem } from './answer.ts';
import { buildRequest, type PlainRequest } from './request.ts';
import { sign } from './sign.ts';
import type { AnyCall, AnyRoute, ApiClient, CallAnswer, ClientOptions } from './types.ts';

export type { ApiClient, ClientOptions, Credentials } from './types.ts';

/** A clock that is off by more than this is corrected by the Date of a refusal; AWS refuses signatures at 5 minutes. */
const toleratedSkew = 60_000;

interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A typed client of the API: signs, validates, and turns problems into errors. */
export function createClient(options: ClientOptions): ApiClient {
  const sender = new Sender(options);
  return {
    async call<N extends RouteName>(name: N, call: AnyCall = {}): Promise<CallAnswer<N>> {
      const route: AnyRoute = routes[name];
      const request = buildRequest(options.endpoint, route, call);
      const { status, headers, text } = await sender.send(request, call.signal);
      // parseAnswer has validated the body against this very route's schema for this status.
      return { status, headers, body: parseAnswer(route, status, text) } as unknown as CallAnswer<N>;
    },
  };
}

class Sender {
  readonly #options: ClientOptions;
  readonly #clock: () => number;
  /** Milliseconds that the API's clock is ahead of ours, as a refusal's Date said. */
  #offset = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
  }

  async send(request: PlainRequest, signal?: AbortSignal): Promise<Received> {
    const { tries = 4, sleep = wait } = this.#options;
    const repeatable = request.method === 'GET' || 'idempotency-key' in request.headers;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#sendInTime(request, signal);
      } catch (error) {
        const again = repeatable && attempt < tries && isProductError(error) && error.retryable;
        if (!again || signal?.aborted === true || !isPassing(error)) throw error;
        await sleep(Math.random() * 100 * 2 ** attempt, signal);
      }
    }
  }

  /** One try, and another one when the refusal's Date shows that our clock is off. */
  async #sendInTime(request: PlainRequest, signal?: AbortSignal): Promise<Received> {
    const first = await this.#sendOnce(request, signal);
    const answer =
      first.status === 403 && this.#learnOffset(first.headers)
        ? await this.#sendOnce(request, signal)
        : first;
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw parseProblem(answer.status, answer.text);
  }

  #learnOffset(headers: Headers): boolean {
    const date = Date.parse(headers.get('date') ?? '');
    if (Number.isNaN(date)) return false;
    const offset = date - this.#clock();
    if (Math.abs(offset - this.#offset) <= toleratedSkew) return false;
    this.#offset = offset;
    return true;
  }

  async #sendOnce(request: PlainRequest, signal?: AbortSignal): Promise<Received> {
    const { credentials, region, fetch: send = fetch, timeout = 35_000 } = this.#options;
    const date = new Date(this.#clock() + this.#offset);
    const headers = await sign(request, { region, date, credentials: await credentials() });
    const limit = AbortSignal.timeout(timeout);
    try {
      const response = await send(request.url, {
        method: request.method,
        headers,
        redirect: 'error',
        signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
        ...(request.body === undefined ? {} : { body: request.body }),
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (cause) {
      if (signal?.aborted === true) throw cause;
      throw unreachable(request.url, limit.aborted, cause);
    }
  }
}

/** Busy and Conflict are the caller's to wait for; these pass by themselves. */
function isPassing(error: unknown): boolean {
  return isProductError(error, 'Unavailable', 'Throttled', 'TimedOut', 'Internal', 'Conflict');
}

function unreachable(url: URL, timedOut: boolean, cause: unknown): ProductError {
  return timedOut
    ? new ProductError('TimedOut', `The API at ${url.origin} did not answer in time.`, { cause })
    : new ProductError('Unavailable', `The API at ${url.origin} cannot be reached.`, {
        cause,
        hint: 'Check the endpoint and the network: hivemind doctor.',
      });
}

async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal });
}
