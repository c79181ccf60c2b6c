import { createServer, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Bucket {
  readonly url: string;
  readonly objects: Map<string, Buffer>;
  readonly requests: { readonly method: string; readonly headers: IncomingHttpHeaders }[];
  /** Answers everything so from now on. */
  refuse(status: number, code: string): void;
  close(): Promise<void>;
}

/** Holds what is put to it, by path. Signatures are not checked. */
export async function openBucket(): Promise<Bucket> {
  const objects = new Map<string, Buffer>();
  const requests: Bucket['requests'] = [];
  let refusal: { status: number; code: string } | undefined;
  const server = createServer((request, response) => {
    const { method = '', headers, url: path = '' } = request;
    requests.push({ method, headers });
    void buffer(request).then((body) => {
      if (refusal !== undefined) {
        response.writeHead(refusal.status).end(`<Error><Code>${refusal.code}</Code></Error>`);
      } else if (method === 'PUT') {
        objects.set(path, body);
        response.end();
      } else {
        const found = objects.get(path);
        response
          .writeHead(found === undefined ? 404 : 200)
          .end(found ?? '<Error><Code>NoSuchKey</Code></Error>');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    requests,
    refuse: (status, code) => (refusal = { status, code }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
