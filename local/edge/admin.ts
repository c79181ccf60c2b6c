import type { IncomingMessage, ServerResponse } from 'node:http';
import * as z from 'zod';
import type { Control } from './exchange.ts';
import { Fault, type Faults } from './faults.ts';
import { json, send, type Answer } from './http/answer.ts';
import { readBody } from './http/body.ts';

type AdminRoute = (
  control: Control,
  request: { readonly query: URLSearchParams; readonly body: string },
) => Answer | Promise<Answer>;

const routes: Readonly<Record<string, AdminRoute>> = {
  'GET /health': () => json(200, { status: 'ok' }),
  'GET /calls': async ({ calls }, { query }) => json(200, await calls.since(Number(query.get('since') ?? 0))),
  'DELETE /calls': ({ calls }) => {
    calls.clear();
    return json(200, {});
  },
  'GET /faults': ({ faults }) => json(200, faults.status),
  'PUT /faults': ({ faults }, { body }) => switchOn(body, faults, (wanted) => faults.set(wanted)),
  'POST /faults': ({ faults }, { body }) => switchOn(body, faults, (wanted) => faults.add(wanted)),
  'DELETE /faults': ({ faults }) => {
    const before = faults.status;
    faults.set([]);
    return json(200, before);
  },
};

function switchOn(body: string, faults: Faults, take: (wanted: readonly Fault[]) => void): Answer {
  const wanted = z.array(Fault).safeParse(parsed(body));
  if (!wanted.success) return json(400, { message: z.prettifyError(wanted.error) });
  take(wanted.data);
  return json(200, faults.status);
}

/** The admin socket: read the record of calls, switch faults. DELETE /faults answers with what had been injected. */
export async function adminRequest(
  control: Control,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://edge');
  const route = routes[`${request.method} ${url.pathname}`];
  const body = (await readBody(request, 1 << 20)).toString('utf8');
  const missing = json(404, { message: `no ${request.method} ${url.pathname}` });
  send(response, route ? await route(control, { query: url.searchParams, body }) : missing);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
