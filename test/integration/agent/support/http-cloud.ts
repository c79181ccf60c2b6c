import { hash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Api, ManifestWish } from '#agent/link/api.ts';
import type { TaskResult } from '#shared/model/task.ts';
import { ProductError } from '#shared/model/errors.ts';
import { routes, type RouteName } from '#shared/model/routes.ts';
import type { FakeControlPlane } from './fake-control-plane.ts';

/** The fake control plane over HTTP, with a queue per host and instance metadata: all that an agent process talks to. */
export interface HttpCloud {
  readonly endpoint: string;
  /** An instance metadata service whose credentials say: this is that host. */
  metadataFor(host: string): Promise<string>;
  /** Puts a message on a host's queue. */
  wake(host: string): void;
  close(): Promise<void>;
}

/** Any call's body: the agent's own client has validated it. */
export interface Body {
  readonly name: string;
  readonly observed: Parameters<Api['sync']>[0];
  readonly epoch: number;
  readonly inUse: boolean;
  readonly serial: string;
  readonly uuid: string;
  readonly mounted: boolean;
  readonly result: TaskResult;
}
type Params = Readonly<Record<string, string>>;
type Serve = (api: Api, params: Params, body: Body) => Promise<unknown>;

const served: Partial<Record<RouteName, Serve>> = {
  registerHost: (api) => api.register(),
  syncHost: (api, _, { observed }) => api.sync(observed),
  claimVolume: (api, { name = '' }) => api.claim(name),
  setLease: (api, { volumeId = '' }, { epoch, inUse }) => api.setLease(volumeId, { epoch, inUse }),
  takeTicket: (api, { volumeId = '' }, { epoch, serial }) => api.takeTicket(volumeId, { epoch, serial }),
  reportFormatted: (api, { volumeId = '' }, { epoch, uuid, mounted }) =>
    api.reportFormatted(volumeId, { epoch, uuid, mounted }),
  releaseVolume: async (api, { volumeId = '' }, { epoch }) => {
    await api.release(volumeId, epoch);
    return operationOf(volumeId);
  },
  cutVolume: (api, { operation = '' }, { epoch }) => api.cut(operation, epoch),
  taskManifest: (api, { operation = '' }, body) => api.manifest(operation, body as unknown as ManifestWish),
  reportTask: async (api, { operation = '' }, { result }) => {
    await api.reportTask(operation, result);
    return { ...operationOf('vol-00000000000000000000000000'), id: operation, kind: 'backup' };
  },
  hostCreateVolume: async (api, _, body) => {
    await api.create(body);
    return api.get(body.name);
  },
  hostGetVolume: async (api, { name = '' }) => {
    const volume = await api.get(name);
    if (volume === undefined) throw new ProductError('VolumeNotFound', `There is no volume "${name}".`);
    return volume;
  },
  hostListVolumes: async (api) => ({ items: await api.list() }),
  hostDeleteVolume: async (api, { name = '' }) => {
    const volume = await api.get(name);
    if (volume === undefined) throw new ProductError('VolumeNotFound', `There is no volume "${name}".`);
    await api.remove(name);
    return volume;
  },
};

/** What a release answers with: an operation that has just ended. */
function operationOf(volumeId: string) {
  const now = new Date().toISOString();
  return {
    id: `op-${volumeId.slice(4)}`,
    kind: 'detach',
    namespace: 'default',
    volumeId,
    volume: 'released',
    status: 'succeeded',
    progress: 100,
    message: 'detached',
    caller: 'arn:aws:iam::000000000000:role/host',
    createdAt: now,
    updatedAt: now,
  };
}

const patterns = Object.entries(routes).map(([name, { method, path }]) => ({
  name: name as RouteName,
  method,
  pattern: new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
}));

/** Called around each served call; answering true drops the connection in place of an answer. */
export type Around = (when: 'before' | 'after', call: RouteName, body: Body) => boolean;

export async function startHttpCloud(
  cloud: FakeControlPlane,
  around: Around = () => false,
): Promise<HttpCloud> {
  const pending = new Set<string>();
  const servers: Server[] = [];
  const listen = async (
    handle: (request: IncomingMessage, response: ServerResponse) => void,
  ): Promise<string> => {
    const server = createServer(handle);
    servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve());
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const endpoint = await listen((request, response) => {
    void serve({ cloud, pending, around }, request, response);
  });
  return {
    endpoint,
    metadataFor: (host) => listen((request, response) => metadata(host, request, response)),
    wake: (host) => void pending.add(host),
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => {
          server.close(resolve);
        });
      }
    },
  };
}

async function serve(
  { cloud, pending, around }: { cloud: FakeControlPlane; pending: Set<string>; around: Around },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (cloud.away) {
    request.socket.destroy();
    return;
  }
  const host = /Credential=([^/]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? 'nobody';
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as Body;
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') await queue({ pending, host, target }, response);
  else await route({ api: cloud.as(host), around }, { request, body }, response);
}

async function route(
  { api, around }: { api: Api; around: Around },
  { request, body }: { request: IncomingMessage; body: Body },
  response: ServerResponse,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://fake');
  const match = patterns.find(({ method, pattern }) => method === request.method && pattern.test(pathname));
  const handle = match === undefined ? undefined : served[match.name];
  try {
    if (match === undefined || handle === undefined) throw new ProductError('RouteNotFound', pathname);
    const params = Object.fromEntries(
      Object.entries(match.pattern.exec(pathname)?.groups ?? {}).map(([key, value]) => [
        key,
        decodeURIComponent(value),
      ]),
    );
    if (around('before', match.name, body)) {
      request.socket.destroy();
      return;
    }
    const answer = await handle(api, params, body);
    if (around('after', match.name, body)) request.socket.destroy();
    else send(response, 200, answer);
  } catch (error) {
    const problem = error instanceof ProductError ? error : new ProductError('Internal', String(error));
    send(response, problem.status, problem.toProblem());
  }
}

const receiveLooks = 100;

/** SQS, as far as an agent speaks it: a receive waits for a message; deletes always succeed. */
async function queue(
  { pending, host, target }: { pending: Set<string>; host: string; target: string },
  response: ServerResponse,
): Promise<void> {
  if (!target.endsWith('.ReceiveMessage')) {
    send(response, 200, { Successful: [], Failed: [] });
    return;
  }
  for (let look = 0; look < receiveLooks && !pending.has(host) && !response.destroyed; look++)
    await delay(20);
  // A killed agent's receive takes nothing.
  if (response.destroyed) return;
  const Messages = pending.delete(host)
    ? [{ MessageId: '1', ReceiptHandle: '1', Body: '{}', MD5OfBody: md5('{}') }]
    : [];
  send(response, 200, { Messages });
}

const md5 = (text: string): string => hash('md5', text);

function metadata(host: string, request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '';
  const base = '/latest/meta-data/iam/security-credentials';
  if (path === '/latest/api/token') response.end('token');
  else if (path === `${base}/` || path === base) response.end('host');
  else if (path === `${base}/host`) {
    const Expiration = new Date(Date.now() + 3_600_000).toISOString();
    const keys = { AccessKeyId: host, SecretAccessKey: 'not-checked', Token: 'none' };
    send(response, 200, { Code: 'Success', Type: 'AWS-HMAC', LastUpdated: Expiration, ...keys, Expiration });
  } else if (path === '/latest/meta-data/placement/region') response.end('us-east-1');
  else send(response, 404, {});
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
