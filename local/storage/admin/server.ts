import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import * as z from 'zod';
import { AwsError } from '../errors.ts';

/** What an admin route gets and gives: JSON values. */
export interface AdminRequest {
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
}

export interface AdminRoute {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: RegExp;
  readonly handle: (request: AdminRequest) => unknown;
}

/** Listens on a unix socket; an old socket file of a dead service is replaced. */
export async function listenAdmin(socket: string, routes: readonly AdminRoute[]): Promise<Server> {
  await rm(socket, { force: true });
  const server = createServer((request, response) => {
    void answer(routes, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  return server;
}

async function answer(
  routes: readonly AdminRoute[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '/', search = ''] = (request.url ?? '/').split('?', 2);
  try {
    const found = match(routes, request.method ?? 'GET', path);
    const value = await found.route.handle({
      params: found.params,
      query: new URLSearchParams(search),
      body: await readJson(request),
    });
    send(response, 200, value ?? {});
  } catch (error) {
    if (error instanceof z.ZodError)
      return send(response, 400, { code: 'InvalidInput', message: z.prettifyError(error) });
    if (error instanceof AwsError)
      return send(response, error.status, { code: error.code, message: error.message });
    send(response, 500, { code: 'InternalError', message: String(error) });
  }
}

function match(
  routes: readonly AdminRoute[],
  method: string,
  path: string,
): { route: AdminRoute; params: readonly string[] } {
  for (const route of routes) {
    const found = route.method === method ? route.path.exec(path) : null;
    if (found) return { route, params: found.slice(1) };
  }
  throw new AwsError('NotFound', `No admin route ${method} ${path}`, { status: 404 });
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new AwsError('InvalidInput', 'The body is not JSON');
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
