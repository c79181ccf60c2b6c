import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { waitFor } from './exec.ts';

/** An abstract unix socket: the kernel lets one process bind it and frees it with that process, however it ends. */
function take(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => {
      server.unref();
      resolve(server);
    });
  });
}

/**
 * Does the work while no other process of this machine does work under the same name. Nothing is left on disk, and a
 * holder that dies gives the lock back.
 * @throws HostError `TimedOut` when another holds it for longer than `within` milliseconds.
 */
export async function withLock<T>(name: string, work: () => Promise<T> | T, within = 300_000): Promise<T> {
  const id = `\0hivemind-${createHash('sha256').update(name).digest('hex')}`;
  const lock = await waitFor(`the lock on ${name}`, () => take(id), { within });
  try {
    return await work();
  } finally {
    await new Promise((resolve) => lock.close(resolve));
  }
}
