import { request } from 'node:http';
import * as z from 'zod';
import { noFacts, type LookUp, type ResourceFacts } from './permissions/types.ts';

const Facts = z.object({
  tags: z.record(z.string(), z.string()),
  instanceId: z.string().optional(),
  fileSystemId: z.string().optional(),
});

/** Asks the storage service's admin socket: `GET /resources/{id or ARN}` -> `{tags, instanceId?, fileSystemId?}`, or 404. */
export function lookUpOver(socketPath: string): LookUp {
  return (id) => (id === '' || id.includes('*') ? Promise.resolve(noFacts) : ask(socketPath, id));
}

const factsWithout = (status: number | undefined): ResourceFacts => ({ tags: {}, missing: status === 404 });

/** A service that does not answer tells no tags: what depends on them is refused. */
function ask(socketPath: string, id: string): ReturnType<LookUp> {
  return new Promise((resolve) => {
    const call = request(
      { socketPath, path: `/resources/${encodeURIComponent(id)}`, timeout: 5000 },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', () => resolve(noFacts));
        answer.on('end', () =>
          resolve(answer.statusCode === 200 ? factsIn(chunks) : factsWithout(answer.statusCode)),
        );
      },
    );
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(noFacts));
    call.end();
  });
}

function factsIn(chunks: readonly Buffer[]): z.infer<typeof Facts> {
  return Facts.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
}
