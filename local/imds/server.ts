import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { lookUp } from './metadata.ts';
import type { metadataTree } from './metadata.ts';
import { parseTtl, tokens } from './tokens.ts';
import type { Tokens } from './tokens.ts';

const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN_HEADER = 'x-aws-ec2-metadata-token';

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that came through a proxy did not come from the machine: EC2 refuses those. */
const isForwarded = (request: IncomingMessage): boolean => request.headers['x-forwarded-for'] !== undefined;

/**
 * With hop limit 1 a token's packet dies on its way to anybody but the machine itself: a container with an address of its
 * own never sees one.
 */
function isTooFar({ socket }: IncomingMessage): boolean {
  return socket.remoteAddress !== socket.localAddress;
}

function giveToken(request: IncomingMessage, issued: Tokens): Answer | 'silence' {
  if (isForwarded(request)) return { status: 403 };
  if (isTooFar(request)) return 'silence';
  const ttl = parseTtl(request.headers[TTL_HEADER]);
  if (ttl === undefined) return { status: 400 };
  return { status: 200, body: issued.issue(ttl), headers: { [TTL_HEADER]: String(ttl) } };
}

type Tree = ReturnType<typeof metadataTree>;

async function answer(request: IncomingMessage, tree: Tree, issued: Tokens): Promise<Answer | 'silence'> {
  const path = new URL(request.url ?? '/', 'http://imds').pathname;
  if (path === '/latest/api/token') {
    return request.method === 'PUT' ? giveToken(request, issued) : { status: 405 };
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405 };
  // Version 1 asks without a token; it is switched off here, as our install switches it off on EC2.
  const token = request.headers[TOKEN_HEADER];
  if (isForwarded(request)) return { status: 403 };
  if (typeof token !== 'string' || !issued.isValid(token)) return { status: 401 };
  const below = /^\/latest(?:\/(.*))?$/.exec(path);
  const body = below ? await lookUp(tree, below[1] ?? '') : undefined;
  return body === undefined ? { status: 404 } : { status: 200, body };
}

/** IMDSv2, and only that, over a tree of metadata. Not listening yet. */
export function imdsServer(tree: Tree, issued: Tokens = tokens()): Server {
  return createServer((request, response) => {
    answer(request, tree, issued)
      .catch((): Answer => ({ status: 500 }))
      .then((given) => {
        // The caller hears nothing, and times out.
        if (given === 'silence') return;
        const { status, body = '', headers = {} } = given;
        response.writeHead(status, { server: 'EC2ws', 'content-type': 'text/plain', ...headers });
        response.end(body);
      })
      .catch(() => response.destroy());
  });
}
