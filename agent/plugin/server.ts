import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isProductError, ProductError } from '#shared/model/errors.ts';
import type { Log } from '#agent/log.ts';
import { errText, type PluginCall } from './protocol.ts';

const maxBodyBytes = 2 ** 20;
const contentType = 'application/vnd.docker.plugins.v1.2+json';

/** Answers Docker: every call is logged with its duration, every failure becomes one `Err`. */
export function pluginListener(calls: Readonly<Record<string, PluginCall>>, log: Log): RequestListener {
  return (request, response) => {
    void answer(request, calls, log).then(({ status, body }) => send(response, status, body));
  };
}

async function answer(
  request: IncomingMessage,
  calls: Readonly<Record<string, PluginCall>>,
  log: Log,
): Promise<{ status: number; body: Readonly<Record<string, unknown>> }> {
  const path = request.url ?? '/';
  const call = Object.hasOwn(calls, path) ? calls[path] : undefined;
  if (call === undefined) return { status: 404, body: { Err: `${path} is not a call of this plugin.` } };
  const started = performance.now();
  const took = (): number => Math.round(performance.now() - started);
  let body: unknown;
  try {
    body = await readBody(request);
    const result = await call(body);
    log.info('docker', { call: path, body, ms: took() });
    return { status: 200, body: { Err: '', ...result } };
  } catch (error) {
    // Docker asks for a volume before it creates it: that there is none is an answer.
    const level = isProductError(error, 'VolumeNotFound') ? 'info' : 'warn';
    log[level]('docker', { call: path, body, ms: took(), error });
    return { status: 200, body: { Err: errText(error) } };
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new ProductError('BodyTooLarge', 'The request is larger than 1 MiB.');
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProductError('InvalidInput', 'The request is not JSON.', { cause });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(JSON.stringify(body));
}
