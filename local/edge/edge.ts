import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, ListenOptions } from 'node:net';
import { dirname } from 'node:path';
import { adminRequest } from './admin.ts';
import { apiCall } from './api-call.ts';
import { awsRequest, type AwsParts } from './aws-port.ts';
import { Callers } from './callers.ts';
import { CallLog } from './calls.ts';
import { unavailable } from './exchange.ts';
import { Faults } from './faults.ts';
import { send } from './http/answer.ts';
import { freshUpstream, upstream } from './http/forward.ts';
import { identityOver } from './identity.ts';
import { incomingOf } from './incoming.ts';
import { lookUpOver } from './look-up.ts';
import type { EdgeSettings } from './settings.ts';

export interface Edge {
  readonly ports: { readonly aws: number; readonly api: number };
  /** Refuses new connections, lets calls under way finish for a moment, then cuts them. */
  close(): Promise<void>;
}

/** Starts the edge: AWS port, API port (both on loopback alone) and admin socket (mode 600). */
export async function startEdge(settings: EdgeSettings): Promise<Edge> {
  const identity = identityOver(settings.identitySocket);
  const parts: AwsParts = {
    settings,
    identity,
    callers: new Callers(identity),
    calls: new CallLog(),
    faults: new Faults(),
    emulator: upstream(settings.ports.emulator),
    storage: freshUpstream(settings.ports.storage),
    lookUp: lookUpOver(settings.storageAdminSocket),
  };
  const aws = serverOf((request, response) => awsRequest(parts, request, response));
  const api = serverOf((request, response) => {
    const incoming = incomingOf(request);
    return apiCall(parts, incoming, { response, target: { apiId: settings.apiId(), path: incoming.path } });
  });
  const admin = serverOf((request, response) => adminRequest(parts, request, response));
  await listen(aws, { host: '127.0.0.1', port: settings.ports.aws });
  await listen(api, { host: '127.0.0.1', port: settings.ports.api });
  await listenOnSocket(admin, settings.adminSocket);
  return {
    ports: { aws: portOf(aws), api: portOf(api) },
    async close() {
      for (const server of [aws, api, admin]) await closed(server);
      for (const { agent } of [parts.emulator, parts.storage]) agent.destroy();
      identity.close();
    },
  };
}

type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Kept connections outlive the SDKs' own patience with idle ones, so that no call meets a closing one. */
function serverOf(listener: Listener): Server {
  const server = createServer(
    { keepAliveTimeout: 75_000, requestTimeout: 0, noDelay: true },
    (request, response) => {
      listener(request, response).catch((error: unknown) => failed(error, { request, response }));
    },
  );
  return server;
}

/** A caller that is gone needs no answer; anything else is an error of ours or of the emulator's, and is logged. */
function failed(
  error: unknown,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): void {
  if (request.destroyed && response.destroyed) return;
  const call = `${request.method} ${request.url?.split('?')[0]}`;
  const entry = { level: 'error', at: new Date().toISOString(), call, error: String(error) };
  process.stderr.write(`${JSON.stringify(entry)}\n`);
  if (response.headersSent) response.destroy();
  else send(response, unavailable);
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** The mask makes the socket ours alone from its first moment. */
async function listenOnSocket(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  const mask = process.umask(0o177);
  try {
    await listen(server, { path });
  } finally {
    process.umask(mask);
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), 500);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
