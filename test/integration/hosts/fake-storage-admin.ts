import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';

/** One instance as PUT /instances described it, with the state that power calls gave it. */
export interface FakeInstance {
  readonly id: string;
  state: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The storage service's admin socket as far as hosts use it, without bytes: it remembers what it was told. */
export interface FakeStorageAdmin {
  readonly instances: Map<string, FakeInstance>;
  /** Calls other than GET in their order, as `POST /instances/i-…/power {"to":"stopped"}`. */
  readonly calls: string[];
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += String(part);
  return text;
}

/** Listens on a unix socket until closed. */
export async function fakeStorageAdmin(socket: string): Promise<FakeStorageAdmin> {
  const instances = new Map<string, FakeInstance>();
  const calls: string[] = [];

  const change = (path: string, body: string): number => {
    const [, id = '', verb] = path.slice(1).split('/');
    const known = instances.get(id);
    if (verb === undefined) {
      instances.set(id, { id, state: instances.get(id)?.state ?? 'running', body: JSON.parse(body) });
      return 200;
    }
    if (!known) return 404;
    if (verb === 'power') known.state = (JSON.parse(body) as { to: string }).to;
    return 200;
  };

  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const path = request.url ?? '';
      if (request.method === 'GET') {
        response.end(JSON.stringify(path === '/instances' ? [...instances.values()] : []));
        return;
      }
      calls.push(`${request.method ?? ''} ${path} ${body}`.trim());
      response.statusCode = change(path, body);
      response.end('{}');
    });
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    instances,
    calls,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
