import { request } from 'node:http';
import * as z from 'zod';

/** A container as Docker's own list shows it. */
export interface Container {
  readonly id: string;
  readonly name: string;
  /** created, running, paused, restarting, removing, exited, dead. */
  readonly state: string;
  /** Names of our driver's volumes it has in its configuration. */
  readonly volumes: readonly string[];
}

export interface Docker {
  /** Every container, stopped ones too; undefined when Docker does not answer. */
  containers(): Promise<readonly Container[] | undefined>;
}

const driverName = 'hivemind';
const timeoutMs = 5_000;
const maxBytes = 32 * 2 ** 20;

const Listing = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()).nullable(),
    State: z.string(),
    Mounts: z
      .array(z.object({ Type: z.string(), Name: z.string().optional(), Driver: z.string().optional() }))
      .nullable(),
  }),
);

/**
 * Asks the list only: it comes from a snapshot, while an inspect waits for the lock of a container whose Unmount
 * Docker is just sending us.
 */
export function dockerEngine(socketPath: string): Docker {
  return {
    async containers() {
      try {
        return Listing.parse(await get(socketPath, '/containers/json?all=1')).map((container) => ({
          id: container.Id,
          name: container.Names?.[0]?.replace(/^\//, '') ?? container.Id.slice(0, 12),
          state: container.State,
          volumes: (container.Mounts ?? []).flatMap(({ Type, Name, Driver }) =>
            Type === 'volume' && Driver === driverName && Name !== undefined ? [Name] : [],
          ),
        }));
      } catch {
        return undefined;
      }
    },
  };
}

function get(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath, path, headers: { host: 'docker' }, signal: AbortSignal.timeout(timeoutMs) },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxBytes) answer.destroy(new RangeError('answer too large'));
          else chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () => {
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
          } catch (error) {
            reject(error instanceof Error ? error : new SyntaxError(String(error)));
          }
        });
      },
    );
    call.on('error', reject);
    call.end();
  });
}
