import { join } from 'node:path';
import { expect } from 'vitest';
import type { CloudFile } from '#local/cloud/cloud-file.ts';
import { callSocket } from '#local/cloud/http.ts';
import type { CallRecord } from '#local/edge/calls.ts';
import type { FaultStatus } from '#local/edge/faults.ts';

/** A fault of the edge or of the storage service, as docs/local-cloud.md lists them. */
export interface FaultSwitch {
  readonly id: string;
  readonly kind: string;
  readonly service?: string;
  readonly action?: string;
  readonly functionName?: string;
  readonly times?: number;
  readonly after?: number;
  readonly probability?: number;
  readonly seed?: number;
  readonly ms?: number;
}

/** One wire call of the storage service. */
export interface StorageCall {
  readonly seq: number;
  readonly service: string;
  readonly action: string;
  readonly status: number;
  readonly [field: string]: unknown;
}

/** One attachment, with the loop device that it is. */
export interface StorageAttachment {
  readonly volumeId: string;
  readonly instanceId: string;
  readonly state: string;
  readonly device: string;
  readonly loopDevice?: string;
  readonly [field: string]: unknown;
}

/** One EBS volume of the storage service. */
export interface StorageVolume {
  readonly volumeId: string;
  readonly state: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Switches faults of one part of the cloud and reads what it recorded. */
export interface PartAdmin<Call> {
  /** The calls after a sequence number; 0 gives all that are kept. */
  calls(since?: number): Promise<Call[]>;
  /** Replaces all fault switches. */
  setFaults(faults: readonly FaultSwitch[]): Promise<void>;
  clearFaults(): Promise<void>;
}

type Send = (method: string, path: string, body?: unknown) => Promise<unknown>;

function sender(socketPath: string): Send {
  return async (method, path, body) => {
    const { status, body: text } = await callSocket(socketPath, { method, path, ...(body ? { body } : {}) });
    expect(status, `${method} ${path} of ${socketPath}: ${text}`).toBeLessThan(300);
    return JSON.parse(text || 'null') as unknown;
  };
}

/** Lists come as an array, or under the name of what is listed. */
const rows = <T>(answer: unknown, key: string): T[] =>
  (Array.isArray(answer) ? answer : ((answer as Record<string, unknown>)[key] ?? [])) as T[];

function partAdmin<Call>(send: Send): PartAdmin<Call> {
  return {
    calls: async (since = 0) => rows<Call>(await send('GET', `/calls?since=${since}`), 'calls'),
    setFaults: async (faults) => {
      await send('PUT', '/faults', faults);
    },
    clearFaults: async () => {
      await send('DELETE', '/faults');
    },
  };
}

/** The edge's admin socket; `faultStatus` tells how often each switch fired. */
export function edgeAdmin(
  cloud: CloudFile,
): PartAdmin<CallRecord> & { faultStatus(): Promise<FaultStatus[]> } {
  const send = sender(join(cloud.home, cloud.sockets.edgeAdmin));
  const faultStatus = async (): Promise<FaultStatus[]> => rows(await send('GET', '/faults'), 'faults');
  return { ...partAdmin<CallRecord>(send), faultStatus };
}

/** The storage service's admin socket, with the truth about volumes and attachments. */
export interface StorageTruth extends PartAdmin<StorageCall> {
  volumes(): Promise<StorageVolume[]>;
  attachments(): Promise<StorageAttachment[]>;
}

/** See {@link StorageTruth}. */
export function storageTruth(cloud: CloudFile): StorageTruth {
  const send = sender(join(cloud.home, cloud.sockets.storageAdmin));
  return {
    ...partAdmin<StorageCall>(send),
    volumes: async () => rows(await send('GET', '/volumes'), 'volumes'),
    attachments: async () => rows(await send('GET', '/attachments'), 'attachments'),
  };
}
