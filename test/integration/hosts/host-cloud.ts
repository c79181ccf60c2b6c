import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOf } from '#local/hosts/cloud.ts';
import type { HostCloud } from '#local/hosts/cloud.ts';
import { removeHosts } from '#local/hosts/fleet.ts';
import { fakeStorageAdmin } from './fake-storage-admin.ts';
import type { FakeStorageAdmin } from './fake-storage-admin.ts';

/** A cloud as far as hosts see one: a home, an admin socket, and an STS that gives every role session the same keys. */
export interface HostTestCloud {
  readonly cloud: HostCloud;
  readonly admin: FakeStorageAdmin;
  /** Session names that AssumeRole was called with. */
  readonly sessions: string[];
  /** Removes every host and the home. */
  close(): Promise<void>;
}

const assumeRoleAnswer = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIATESTTESTTEST</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;

async function fakeSts(sessions: string[]): Promise<Server> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += String(part)));
    request.on('end', () => {
      const name = new URLSearchParams(body).get('RoleSessionName');
      if (name !== null) sessions.push(name);
      response.setHeader('content-type', 'text/xml');
      response.end(assumeRoleAnswer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const banner = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);";

/** Bundles what a host runs besides its agent. */
export async function makeBundles(home: string): Promise<void> {
  const entryPoints = { imds: 'local/imds/main.ts', forward: 'local/hosts/forward.main.ts' };
  await build({
    entryPoints,
    outdir: join(bundleOf(home, 'x'), '..'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    banner: { js: banner },
    logLevel: 'error',
  });
}

/** Starts it; every call gives a cloud with a home of its own. */
export async function hostTestCloud(): Promise<HostTestCloud> {
  const home = mkdtempSync(join(tmpdir(), 'hivemind-hosts-'));
  mkdirSync(join(home, 'run'));
  await makeBundles(home);
  const sessions: string[] = [];
  const sts = await fakeSts(sessions);
  const bound = sts.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;
  const admin = await fakeStorageAdmin(join(home, 'run', 'storage.sock'));
  const cloud: HostCloud = {
    home,
    region: 'us-east-1',
    account: '000000000000',
    ports: { aws: port, api: port },
    sockets: { storageAdmin: 'run/storage.sock' },
    stack: { HostRoleArn: 'arn:aws:iam::000000000000:role/hivemind-host' },
  };
  const close = async (): Promise<void> => {
    await removeHosts(cloud);
    await admin.close();
    sts.close();
    sts.closeAllConnections();
    rmSync(home, { recursive: true, force: true });
  };
  return { cloud, admin, sessions, close };
}
