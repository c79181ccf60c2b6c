import { request } from 'node:http';
import * as z from 'zod';
import { HostError } from './errors.ts';
import { waitFor } from './exec.ts';

const instanceSchema = z.looseObject({ id: z.string(), state: z.string() });

const attachmentSchema = z.looseObject({
  volumeId: z.string(),
  instanceId: z.string(),
  state: z.string(),
  /** The loop device on the holder's host, while the machine has power. */
  loop: z.looseObject({ device: z.string() }).optional(),
});

/** One volume on one machine. */
export type Attachment = z.infer<typeof attachmentSchema>;

/** Body of PUT /instances: a machine exists and runs. */
export interface Instance {
  readonly name: string;
  readonly availabilityZone: string;
  readonly instanceType: string;
  readonly privateIpAddress: string;
  readonly byIdDir: string;
  readonly udevDir: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly roleArn?: string;
}

/** The storage service's admin socket, as far as hosts use it (docs/local-cloud.md). */
export interface StorageAdmin {
  putInstance(id: string, instance: Instance): Promise<void>;
  /** Goes through the states in between; resolves when the machine is in that state. */
  setPower(id: string, to: 'running' | 'stopped' | 'terminated'): Promise<void>;
  /** Power loss: every device of the machine fails from now on. */
  crash(id: string): Promise<void>;
  /** State of a machine, or undefined if there is none. */
  instanceState(id: string): Promise<string | undefined>;
  attachments(id: string): Promise<Attachment[]>;
}

interface Reply {
  readonly status: number;
  readonly body: string;
}

function send(socketPath: string, method: string, call: { path: string; body?: unknown }): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path: call.path, timeout: 60_000 }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') });
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new HostError('TimedOut', 'no answer within 60 s')));
    outgoing.on('error', (cause) => {
      const message = `The storage service does not answer at ${socketPath} (${cause.message}). Is the cloud up? "npm run up" starts it.`;
      reject(new HostError('StorageService', message, { cause }));
    });
    if (call.body !== undefined) outgoing.setHeader('content-type', 'application/json');
    outgoing.end(call.body === undefined ? undefined : JSON.stringify(call.body));
  });
}

/** Speaks to the storage service's admin socket. */
export function storageAdmin(socketPath: string): StorageAdmin {
  const call = async (method: string, path: string, body?: unknown): Promise<string> => {
    const reply = await send(socketPath, method, body === undefined ? { path } : { path, body });
    if (reply.status >= 300) {
      throw new HostError('StorageService', `${method} ${path} answered ${reply.status}: ${reply.body}`);
    }
    return reply.body;
  };
  const instanceState = async (id: string): Promise<string | undefined> => {
    const list = z.array(instanceSchema).parse(JSON.parse(await call('GET', '/instances')));
    return list.find((instance) => instance.id === id)?.state;
  };
  return {
    putInstance: async (id, instance) => {
      await call('PUT', `/instances/${id}`, instance);
    },
    setPower: async (id, to) => {
      await call('POST', `/instances/${id}/power`, { to });
      await waitFor(`instance ${id} is ${to}`, async () => (await instanceState(id)) === to);
    },
    crash: async (id) => {
      await call('POST', `/instances/${id}/crash`);
    },
    instanceState,
    attachments: async (id) => {
      const all = z.array(attachmentSchema).parse(JSON.parse(await call('GET', '/attachments')));
      return all.filter((attachment) => attachment.instanceId === id);
    },
  };
}
