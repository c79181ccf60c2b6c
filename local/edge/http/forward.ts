import {
  Agent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';

/** Where a request goes on to. Connections are kept and reused, for less time than either server keeps them. */
export interface Upstream {
  readonly port: number;
  readonly agent: Agent;
}

export const upstream = (port: number): Upstream => ({
  port,
  agent: new Agent({ keepAlive: true, timeout: 60_000, scheduling: 'lifo' }),
});

/** A connection for each call: one that breaks was broken in this call, and nothing is repeated that may have been made. */
export const freshUpstream = (port: number): Upstream => ({ port, agent: new Agent({ keepAlive: false }) });

export interface Forwarding {
  readonly to: Upstream;
  readonly path: string;
  /** Flat list of names and values, in order and as they came. */
  readonly headers: readonly string[];
  /** Sent in place of the caller's own body, which was read already. */
  readonly body?: Uint8Array;
  /** Milliseconds until the answer's headers; then the call fails with TimeoutError. */
  readonly timeout?: number;
}

/** Headers that are of one connection, not of the request; a signer never signs them. */
const ofConnection = new Set(['connection', 'keep-alive', 'proxy-connection', 'expect', 'te', 'upgrade']);

/** Copies raw headers without those of the connection and without the ones named (in lower case). */
export function passedHeaders(raw: readonly string[], without: ReadonlySet<string> = new Set()): string[] {
  const passed: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (!ofConnection.has(name) && !without.has(name)) passed.push(raw[at] ?? '', raw[at + 1] ?? '');
  }
  return passed;
}

/**
 * Sends a request on and gives the answer as soon as its headers are there; bodies stream both ways. A kept connection
 * that the other side had closed meanwhile is replaced once when the body can be sent again.
 */
export async function forward(incoming: IncomingMessage, forwarding: Forwarding): Promise<IncomingMessage> {
  try {
    return await attempt(incoming, forwarding);
  } catch (error) {
    if (!(error instanceof StaleConnection) || forwarding.body === undefined) throw error;
    return attempt(incoming, forwarding);
  }
}

class StaleConnection extends Error {}

function attempt(incoming: IncomingMessage, forwarding: Forwarding): Promise<IncomingMessage> {
  const { to, path, headers, body, timeout } = forwarding;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      host: '127.0.0.1',
      port: to.port,
      agent: to.agent,
      method: incoming.method ?? 'GET',
      path,
      headers: [...headers],
    });
    const timer =
      timeout === undefined ? undefined : setTimeout(() => outgoing.destroy(timedOut(timeout)), timeout);
    outgoing.once('response', (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    outgoing.once('error', (cause) => {
      clearTimeout(timer);
      reject(outgoing.reusedSocket && isReset(cause) ? new StaleConnection('', { cause }) : cause);
    });
    sendBody(incoming, outgoing, body);
  });
}

function sendBody(incoming: IncomingMessage, outgoing: ClientRequest, body: Uint8Array | undefined): void {
  if (body !== undefined) {
    outgoing.end(body);
    return;
  }
  incoming.once('aborted', () => outgoing.destroy());
  incoming.pipe(outgoing);
}

const timedOut = (timeout: number): Error =>
  Object.assign(new DOMException(`no answer within ${timeout} ms`, 'TimeoutError'));

/** The connection broke, in place of an answer. */
export const isReset = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');

/** Passes an answer on as it comes. What the caller no longer waits for is read to its end: the call was made. */
export function passAnswer(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.writeHead(answer.statusCode ?? 502, passedHeaders(answer.rawHeaders));
    response.once('close', () => {
      answer.unpipe(response);
      answer.resume();
      resolve();
    });
    answer.once('error', () => response.destroy());
    answer.pipe(response);
  });
}

/** Reads an answer to its end and gives its body. */
export async function collect(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
