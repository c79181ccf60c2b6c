import { hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { PartUrls, PartWanted } from '#shared/client/transfer/types.ts';

export type Fault =
  | 'reset' | '503' | '500' | '429' | '400' | 'expire' | 'lost' | 'corrupt' | 'replaced' | 'silent' | 'hold'; // prettier-ignore

/** Its behaviour is written in fake-object-storage.md. */
export interface FakeObjectStorage {
  readonly faults: Fault[];
  /** Every request's method and path, in order. */
  readonly requests: string[];
  /** Every batch of parts that URLs were asked for. */
  readonly asked: (readonly PartWanted[])[];
  object: Buffer;
  urlsOf(upload: string): PartUrls;
  objectUrl(): Promise<string>;
  complete(upload: string): Buffer;
  close(): Promise<void>;
}

export async function openObjectStorage(): Promise<FakeObjectStorage> {
  const store = new Store();
  const server = createServer((request, response) => {
    store.answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  store.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(store, {
    close: async (): Promise<void> => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

const sha256 = (content: Buffer): string => hash('sha256', content, 'base64');
const sumHeader = 'x-amz-checksum-sha256';

class Store {
  origin = '';
  readonly faults: Fault[] = [];
  readonly requests: string[] = [];
  readonly asked: (readonly PartWanted[])[] = [];
  readonly #uploads = new Map<string, Map<number, Buffer>>();
  #generation = 1;
  object: Buffer = Buffer.alloc(0);

  urlsOf(upload: string): PartUrls {
    return (parts) => {
      this.asked.push(parts);
      return Promise.resolve(parts.map((part) => this.#partUrl(upload, part)));
    };
  }

  objectUrl(): Promise<string> {
    return Promise.resolve(`${this.origin}/object?generation=${this.#generation}`);
  }

  complete(upload: string): Buffer {
    const parts = [...(this.#uploads.get(upload) ?? [])].toSorted(([a], [b]) => a - b);
    return Buffer.concat(parts.map(([, content]) => content));
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    this.requests.push(`${request.method} ${url.pathname}`);
    const fault = this.faults.shift();
    if (fault === 'silent') return;
    if (fault === 'expire') this.#generation++;
    if (fault === 'reset' && request.method === 'PUT') {
      await once(request, 'data');
      request.destroy();
      return;
    }
    const content = await buffer(request);
    const failed = /^\d+$/.test(fault ?? '') ? Number(fault) : undefined;
    if (failed !== undefined) refuse(response, failed, failed === 400 ? 'InvalidRequest' : 'SlowDown');
    else if (Number(url.searchParams.get('generation')) < this.#generation)
      refuse(response, 403, 'AccessDenied');
    else if (request.method === 'PUT') this.#put({ request, response, url, content }, fault);
    else this.#get(request, response, fault);
  }

  #partUrl(upload: string, { partNumber, sha256: sum }: PartWanted): Awaited<ReturnType<PartUrls>>[number] {
    const query = new URLSearchParams({ generation: `${this.#generation}`, sha256: sum });
    return {
      partNumber,
      url: `${this.origin}/upload/${upload}/${partNumber}?${query.toString()}`,
      headers: { [sumHeader]: sum },
    };
  }

  #put({ request, response, url, content }: Put, fault: Fault | undefined): void {
    const said = request.headers[sumHeader];
    if (said !== url.searchParams.get('sha256')) return refuse(response, 403, 'SignatureDoesNotMatch');
    if (said !== sha256(content)) return refuse(response, 400, 'BadDigest');
    const [, , upload = '', number = ''] = url.pathname.split('/');
    const parts = this.#uploads.get(upload) ?? new Map<number, Buffer>();
    this.#uploads.set(upload, parts.set(Number(number), content));
    if (fault === 'lost') return void request.socket.destroy();
    const sum = fault === 'corrupt' ? sha256(Buffer.from('other')) : sha256(content);
    response.writeHead(200, { etag: `"${hash('md5', content)}"`, [sumHeader]: sum }).end();
  }

  #get(request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): void {
    const [, from = '0', to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const last = Math.min(Number(to ?? Infinity), this.object.length - 1);
    const content = Buffer.from(this.object.subarray(Number(from), last + 1));
    if (fault === 'corrupt') content[0] = (content[0] ?? 0) ^ 1;
    const etag = fault === 'replaced' ? '"other"' : '"one"';
    const range = `bytes ${from}-${last}/${this.object.length}`;
    response.writeHead(206, { etag, 'content-range': range, 'content-length': content.length });
    if (fault !== 'reset' && fault !== 'hold') return void response.end(content);
    response.write(content.subarray(0, content.length / 2), () => {
      if (fault === 'reset') response.destroy();
    });
  }
}

interface Put {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly content: Buffer;
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(`<Error><Code>${code}</Code></Error>`);
}
