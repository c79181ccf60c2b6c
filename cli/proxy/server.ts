import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ProductError } from '#shared/model/errors.ts';
import { asProductError } from '../render/error.ts';
import { forward, type Upstream } from './forward.ts';
import { guard } from './guard.ts';

interface ProxyOptions extends Upstream {
  /** 0 takes a free one. */
  readonly port: number;
}

interface Proxy {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Starts the proxy on loopback, 127.0.0.1 and ::1 where there is one, for `localhost` may mean either.
 * @throws ProductError Conflict when the port is taken
 */
export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  let port = options.port;
  const serve = (request: IncomingMessage, response: ServerResponse): void =>
    void answer(request, response, { ...options, port });
  const first = await listen(createServer(serve), '127.0.0.1', port);
  port = (first.address() as AddressInfo).port;
  const servers = [first, ...(await listenOnV6(createServer(serve), port))];
  return {
    port,
    close: async () => {
      for (const server of servers) await close(server);
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: ProxyOptions,
): Promise<void> {
  try {
    guard(request, options.port);
    await forward(request, response, options);
  } catch (error) {
    if (response.headersSent) return void response.destroy();
    const problem = asProductError(error).toProblem();
    response.writeHead(problem.status, { 'content-type': 'application/problem+json', connection: 'close' });
    response.end(JSON.stringify(problem));
  }
}

async function listen(server: Server, host: string, port: number): Promise<Server> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(refused(cause, port)));
    server.listen({ host, port }, resolve);
  });
  return server;
}

/** A machine without IPv6 has no ::1; another program there must not get what is meant for us. */
async function listenOnV6(server: Server, port: number): Promise<Server[]> {
  try {
    return [await listen(server, '::1', port)];
  } catch (error) {
    if (error instanceof ProductError && error.code === 'Unavailable') return [];
    throw error;
  }
}

function refused(cause: NodeJS.ErrnoException, port: number): ProductError {
  if (cause.code === 'EADDRINUSE') {
    return new ProductError('Conflict', `Port ${port} is taken.`, {
      cause,
      value: port,
      hint: 'Take another with --port, or a free one with --port 0.',
    });
  }
  return new ProductError('Unavailable', `Port ${port} cannot be listened on: ${cause.message}.`, { cause });
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
