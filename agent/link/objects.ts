import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request as overHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as overHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { ProductError } from '#shared/model/errors.ts';
import type { ManifestAnswer } from '#shared/model/task.ts';

/** Carries files to and from the archive bucket by requests that the control plane has signed. */
export interface ObjectTransfer {
  put(signed: ManifestAnswer, file: string): Promise<void>;
  get(signed: ManifestAnswer, file: string): Promise<void>;
}

/** Without a byte for so long a transfer is given up, in milliseconds. */
const stallMs = 60_000;
const errorBytes = 2_000;

/**
 * @param endpoint an endpoint of our own (AWS_ENDPOINT_URL): the host in the URL is signed, and not one that we may reach.
 */
export function objectTransfer(endpoint = process.env['AWS_ENDPOINT_URL']): ObjectTransfer {
  return {
    async put({ url, headers }, file) {
      const { size } = await stat(file);
      const call = open(url, endpoint, { method: 'PUT', headers: { ...headers, 'content-length': size } });
      const answer = answerOf(call);
      // What goes wrong on the way is told by the answer, or by its absence.
      await pipeline(createReadStream(file), call).catch(() => undefined);
      await succeeded(await answer);
    },
    async get({ url, headers }, file) {
      const call = open(url, endpoint, { method: 'GET', headers });
      call.end();
      const answer = await answerOf(call);
      if (answer.statusCode !== 200) await succeeded(answer);
      await pipeline(answer, createWriteStream(file, { mode: 0o600 }));
    },
  };
}

interface Call {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | number>>;
}

function open(
  url: string | undefined,
  endpoint: string | undefined,
  { method, headers }: Call,
): ClientRequest {
  if (url === undefined) throw new ProductError('Internal', 'The control plane gave no URL.');
  const { host, protocol, pathname, search } = new URL(url);
  const { hostname, port } = new URL(endpoint ?? url);
  const path = `${pathname}${search}`;
  const send = protocol === 'https:' ? overHttps : overHttp;
  const call = send({ method, hostname, port, path, headers: { ...headers, host } });
  const late = new ProductError('Unavailable', `The archive bucket sent no byte for ${stallMs / 1000} s.`);
  return call.setTimeout(stallMs, () => call.destroy(late));
}

function answerOf(call: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    call.once('response', resolve);
    call.once('error', (cause) => {
      const detail = `The archive bucket does not answer: ${cause.message}.`;
      reject(new ProductError('Unavailable', detail, { cause }));
    });
  });
}

/** @throws ProductError with S3's own words */
async function succeeded(answer: IncomingMessage): Promise<void> {
  let text = '';
  for await (const chunk of answer) text = `${text}${String(chunk)}`.slice(0, errorBytes);
  const { statusCode = 0 } = answer;
  if (statusCode === 200) return;
  const word = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? 'no reason';
  const isPassing = statusCode >= 500 || statusCode === 429;
  const detail = `The archive bucket refused the transfer: ${statusCode} ${word}.`;
  throw new ProductError(isPassing ? 'Unavailable' : 'StorageFailed', detail);
}
