import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { edgeToken } from './cloud.ts';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Stands for the storage service where only the way to it is tested: answers EC2 calls with an empty success, EFS and
 * Backup calls with `{}`, keeps what it was sent, and tells tags on an admin socket. It does none of what it is asked.
 */
export class StorageFake {
  readonly seen: Seen[] = [];
  readonly resources = new Map<
    string,
    { tags: Record<string, string>; instanceId?: string; fileSystemId?: string }
  >();
  readonly #wire: Server;
  readonly #admin: Server;

  constructor() {
    this.#wire = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const { method = '', url = '', headers } = request;
        if (headers['x-hivemind-edge-token'] !== edgeToken) {
          response.writeHead(403).end();
          return;
        }
        this.seen.push({ method, url, headers, body });
        const action = new URLSearchParams(body).get('Action');
        if (action) response.setHeader('content-type', 'text/xml').end(xml(action));
        else response.setHeader('content-type', 'application/json').end('{}');
      });
    });
    this.#admin = createServer((request, response) => {
      const id = decodeURIComponent((request.url ?? '').replace('/resources/', ''));
      const found = this.resources.get(id);
      response.writeHead(found ? 200 : 404).end(JSON.stringify(found ?? {}));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#wire.listen(0, '127.0.0.1', resolve));
    const address = this.#wire.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  async listenAdmin(path: string): Promise<void> {
    mkdirSync(dirname(path), { recursive: true });
    await new Promise<void>((resolve) => this.#admin.listen(path, resolve));
  }

  async close(): Promise<void> {
    for (const server of [this.#wire, this.#admin]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}

const xml = (action: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><volumeId>vol-0</volumeId></${action}Response>`;
