import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { sign } from '#shared/client/sign.ts';
import type { Credentials } from '#shared/client/types.ts';
import { ProductError } from '#shared/model/errors.ts';

/** Where the calls go and whom they are signed as. */
export interface Upstream {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: () => Promise<Credentials>;
}

/** Lambda takes 6 MB, before API Gateway's own 10. */
const maxBody = 6 * 2 ** 20;
const timeout = 35_000;

/** Of what the caller sends, only this goes on: no Authorization, no cookies, nothing that is the connection's own. */
const passedOn = [
  'accept',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'x-amzn-trace-id',
] as const;
/** Of the answer, all but what belongs to the connection, and what fetch has undone already. */
const keptBack = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'trailer',
  'content-length',
  'content-encoding',
  'set-cookie',
]);

/** Signs one request, sends it on, and streams the answer back. */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  upstream: Upstream,
): Promise<void> {
  const answer = await send(request, await readBody(request), upstream);
  response.writeHead(answer.status, answerHeaders(answer.headers));
  if (answer.body === null) return void response.end();
  await pipeline(Readable.fromWeb(answer.body as ReadableStream), response);
}

async function send(
  request: IncomingMessage,
  body: string | undefined,
  upstream: Upstream,
): Promise<Response> {
  const { method = 'GET', url: target = '/', headers } = request;
  const url = targetOf(upstream.endpoint, target);
  const signed = await sign(
    { method, url, headers: requestHeaders(headers), body },
    { region: upstream.region, credentials: await upstream.credentials(), date: new Date() },
  );
  try {
    return await fetch(url, {
      method,
      headers: signed,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeout),
      ...(body === undefined ? {} : { body }),
    });
  } catch (cause) {
    throw new ProductError('Unavailable', `The API at ${url.origin} does not answer.`, { cause });
  }
}

/** An absolute target, as a forward proxy gets, would sign a call to somewhere else. */
function targetOf(endpoint: string, target: string): URL {
  if (!target.startsWith('/') || target.startsWith('//')) {
    throw new ProductError('InvalidInput', 'The request target must be a path.', { value: target });
  }
  return new URL(`${endpoint}${target}`);
}

function requestHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of passedOn) {
    const value = headers[name];
    if (typeof value === 'string') passed[name] = value;
  }
  return passed;
}

function answerHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !keptBack.has(name.toLowerCase())));
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) {
      throw new ProductError('BodyTooLarge', 'The body is too large.', {
        value: size,
        allowed: `${maxBody} bytes`,
      });
    }
    chunks.push(chunk);
  }
  return size === 0 ? undefined : Buffer.concat(chunks).toString('utf8');
}
