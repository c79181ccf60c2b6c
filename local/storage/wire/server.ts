import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ServiceName } from './model.ts';
import type { WireAnswer } from './protocols.ts';
import type { RestRequest } from './rest-json.ts';

/** A request whose service and Region are known. */
export interface WireRequest extends RestRequest {
  readonly service: ServiceName;
  readonly region: string | undefined;
  readonly principal: string | undefined;
  readonly appId: string | undefined;
  readonly requestId: string;
}

/** `'reset'`: the connection is cut instead of answered. */
export type Answerer = (request: WireRequest) => Promise<WireAnswer | 'reset'>;

interface WireOptions {
  /** When set, a request without it in `x-hivemind-edge-token` is refused. */
  readonly token: string | undefined;
  readonly answer: Answerer;
}

const mostBytes = 1 << 20;
const signingNames: Readonly<Record<string, ServiceName>> = {
  ec2: 'ec2',
  elasticfilesystem: 'efs',
  backup: 'backup',
};

/** The wire's server, not yet listening. */
export function wireServer(options: WireOptions): Server {
  return createServer((request, response) => {
    void serve(options, request, response).catch(() => response.destroy());
  });
}

async function serve(
  options: WireOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  if (body === undefined)
    return send(response, refusal(413, 'RequestEntityTooLarge', 'The request is larger than 1 MiB'));
  if (options.token !== undefined && request.headers['x-hivemind-edge-token'] !== options.token) {
    return send(response, refusal(403, 'AccessDenied', 'This service is reached through the edge only'));
  }
  const scope = scopeOf(request.headers.authorization);
  const service = signingNames[scope.service ?? 'ec2'];
  if (!service)
    return send(
      response,
      refusal(404, 'UnknownService', `The storage service does not speak for ${scope.service ?? ''}`),
    );
  const answer = await options.answer({
    ...restOf(request, body),
    ...callerOf(request),
    service,
    region: scope.region,
  });
  if (answer === 'reset') request.socket.resetAndDestroy();
  else send(response, answer);
}

function restOf(request: IncomingMessage, body: Buffer): RestRequest {
  const [path = '/', search = ''] = (request.url ?? '/').split('?', 2);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : value,
    ]),
  );
  return { method: request.method ?? 'GET', path, query: new URLSearchParams(search), headers, body };
}

function callerOf({ headers }: IncomingMessage): Pick<WireRequest, 'principal' | 'appId' | 'requestId'> {
  const principal = headers['x-hivemind-principal'];
  const agents = `${headers['user-agent'] ?? ''} ${String(headers['x-amz-user-agent'] ?? '')}`;
  return {
    principal: typeof principal === 'string' ? principal : undefined,
    appId: /\bapp\/([\w!$%&'*+.^`|~-]+)/.exec(agents)?.[1],
    requestId: randomUUID(),
  };
}

/** `Credential=KEY/20261123/us-east-1/ec2/aws4_request` */
function scopeOf(authorization: string | undefined): { region?: string; service?: string } {
  const found = /Credential=[^/,\s]*\/\d{8}\/([^/,\s]+)\/([^/,\s]+)\/aws4_request/.exec(authorization ?? '');
  return found ? { region: found[1] ?? '', service: found[2] ?? '' } : {};
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // The rest of a body that is too large is read and dropped: a caller still sending would not see the answer.
    if (length <= mostBytes) chunks.push(chunk);
  }
  return length > mostBytes ? undefined : Buffer.concat(chunks);
}

function refusal(status: number, code: string, message: string): WireAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': code },
    body: JSON.stringify({ __type: code, message }),
  };
}

function send(response: ServerResponse, { status, headers, body }: WireAnswer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
