import { request } from 'node:http';
import type { CallRecord } from '#local/edge/calls.ts';
import type { Fault, FaultStatus } from '#local/edge/faults.ts';

/** The edge's admin socket. */
export function adminOf(socketPath: string) {
  const ask = (method: string, path: string, body?: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const call = request({ socketPath, method, path }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8'))));
      });
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  return {
    ask,
    calls: (since = 0) => ask('GET', `/calls?since=${since}`) as Promise<readonly CallRecord[]>,
    forget: () => ask('DELETE', '/calls'),
    setFaults: (faults: readonly (Pick<Fault, 'id' | 'kind'> & Partial<Fault>)[]) =>
      ask('PUT', '/faults', faults),
    faults: () => ask('GET', '/faults') as Promise<readonly FaultStatus[]>,
    clearFaults: () => ask('DELETE', '/faults') as Promise<readonly FaultStatus[]>,
  };
}
export type Admin = ReturnType<typeof adminOf>;
