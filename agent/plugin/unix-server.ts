import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, request, type RequestListener } from 'node:http';
import { dirname } from 'node:path';
import { ProductError } from '#shared/model/errors.ts';

export interface UnixServer {
  close(): Promise<void>;
}

const socketMode = 0o600;

/** An HTTP server on a unix socket. One that a killed agent left is replaced; one that answers is not. */
export async function listenOn(path: string, handle: RequestListener): Promise<UnixServer> {
  await mkdir(dirname(path), { recursive: true });
  if (await answers(path)) {
    throw new ProductError('VolumeBusy', `Another agent already answers on ${path}.`, {
      hint: 'Stop it first.',
    });
  }
  await rm(path, { force: true });
  const server = createServer(handle);
  // A Mount may take its two minutes.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
  await chmod(path, socketMode);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ socketPath, path: '/', signal: AbortSignal.timeout(1_000) }, (answer) => {
      answer.resume();
      resolve(true);
    });
    call.on('error', () => resolve(false));
    call.end();
  });
}
