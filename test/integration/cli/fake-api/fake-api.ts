import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProductError } from '#shared/model/errors.ts';
import { routes, type RouteName } from '#shared/model/routes.ts';
import { FakeState, handlers, type FakeAnswer } from './routes.ts';
import { isSigned } from './signature.ts';

/** One call as it arrived. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Behaviour: README.md beside this file. */
export interface FakeApi {
  readonly url: string;
  readonly state: FakeState;
  readonly calls: Recorded[];
  /** The host's used volume is free: its container has ended. */
  release(): void;
  /** Forgets everything. */
  reset(): void;
  stop(): Promise<void>;
}

export async function startFakeApi(): Promise<FakeApi> {
  const calls: Recorded[] = [];
  let state = new FakeState();
  const server = createServer((request, response) => void serve(request, response, { calls, state }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get state() {
      return state;
    },
    calls,
    release: () => {
      state.host = {
        ...state.host,
        volumes: (state.host.volumes ?? []).map((volume) => ({ ...volume, inUse: false, containers: [] })),
      };
    },
    reset: () => {
      state = new FakeState();
      calls.length = 0;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Serving {
  readonly calls: Recorded[];
  readonly state: FakeState;
}

async function serve(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
  const body = await readBody(request);
  const url = new URL(request.url ?? '/', 'http://fake');
  const { method = 'GET', headers } = request;
  serving.calls.push({ method, path: url.pathname, query: url.search, headers, body });
  const { status, body: answer } = (await isSigned(request, body))
    ? answerCall(serving.state, { method, url, headers, body })
    : { status: 403, body: { message: 'Forbidden' } };
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
}

interface Arrived {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function answerCall(state: FakeState, { method, url, headers, body }: Arrived): FakeAnswer {
  try {
    const { name, params } = findRoute(method, url.pathname);
    const handler = handlers[name];
    if (handler === undefined) throw new ProductError('NotImplemented', `The fake has no ${name}.`);
    const parsed = body === '' ? {} : (JSON.parse(body) as Record<string, unknown>);
    return handler(state, { params, query: url.searchParams, headers, body: parsed });
  } catch (error) {
    const problem = error instanceof ProductError ? error : new ProductError('Internal', String(error));
    return { status: problem.status, body: problem.toProblem() };
  }
}

function findRoute(method: string, path: string): { name: RouteName; params: Record<string, string> } {
  for (const [name, route] of Object.entries(routes)) {
    const pattern = new RegExp(`^${route.path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
    const found = route.method === method ? pattern.exec(path) : null;
    if (found === null) continue;
    const params = Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]);
    return { name: name as RouteName, params: Object.fromEntries(params) as Record<string, string> };
  }
  throw new ProductError('RouteNotFound', `${method} ${path} is no route.`);
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return text;
}
