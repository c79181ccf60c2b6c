import { request } from 'node:http';

export interface SocketAnswer {
  readonly status: number;
  readonly body: string;
}

interface Call {
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
}

/** JSON over HTTP on a unix socket: how the parts of the local cloud are administered. */
export function callSocket(socketPath: string, { method = 'GET', path, body }: Call): Promise<SocketAnswer> {
  return new Promise((resolve, reject) => {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      sent === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) };
    const call = request({ socketPath, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    call.on('error', reject);
    call.end(sent);
  });
}

export async function socketReady(socketPath: string, path = '/health'): Promise<boolean> {
  const answer = await callSocket(socketPath, { path }).catch(() => undefined);
  return answer?.status === 200;
}
