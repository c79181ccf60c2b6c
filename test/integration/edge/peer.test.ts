import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { peerProcess } from '#local/edge/peer.ts';

const servers: Server[] = [];
const callers: ChildProcess[] = [];
afterEach(async () => {
  for (const child of callers) child.kill('SIGKILL');
  for (const server of servers) server.close();
});

async function listen(): Promise<Server> {
  const server = createServer();
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** A port that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** A process of its own that connects from this port. */
async function connect(to: Server, localPort: number): Promise<{ pid: number | undefined; socket: Socket }> {
  const options = JSON.stringify({ host: '127.0.0.1', port: portOf(to), localPort });
  const child = spawn(process.execPath, ['-e', `require('node:net').connect(${options})`], {
    stdio: 'inherit',
  });
  callers.push(child);
  const [socket] = (await once(to, 'connection', { signal: AbortSignal.timeout(10_000) })) as [Socket];
  return { pid: child.pid, socket };
}

it('tells processes apart that have the same port, to different destinations', async () => {
  const port = await freePort();
  const [first, second] = [await connect(await listen(), port), await connect(await listen(), port)];
  expect(second.socket.remotePort).toBe(first.socket.remotePort);
  expect([peerProcess(first.socket), peerProcess(second.socket)]).toEqual([first.pid, second.pid]);
});
