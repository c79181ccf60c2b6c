import { join } from 'node:path';
import { expect } from 'vitest';
import type { CloudFile } from '#local/cloud/cloud-file.ts';
import { callSocket } from '#local/cloud/http.ts';
import type { CallRecord } from '#local/edge/calls.ts';
import type { FaultStatus } from '#local/edge/faults.ts';
import type {
  AccessPoint,
  Attachment,
  RecoveryPoint,
  Snapshot,
  Volume,
} from '#local/storage/state/entities.ts';
import type { CallRecord as StorageCall } from '#local/storage/call-log.ts';

/** A fault of the edge or of the storage service, as docs/local-cloud.md lists them. */
export interface FaultSwitch {
  readonly id: string;
  readonly kind: string;
  readonly service?: string;
  readonly action?: string;
  readonly functionName?: string;
  /** Of the storage service: an id that the call names. */
  readonly resourceId?: string;
  /** Of the edge: texts that the call's address or body holds, each one of them. */
  readonly about?: string | readonly string[];
  readonly times?: number;
  readonly after?: number;
  readonly probability?: number;
  readonly seed?: number;
  readonly ms?: number;
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

function partAdmin<Call>(send: Send): PartAdmin<Call> {
  return {
    calls: async (since = 0) => (await send('GET', `/calls?since=${since}`)) as Call[],
    setFaults: async (faults) => {
      await send('PUT', '/faults', faults);
    },
    clearFaults: async () => {
      await send('DELETE', '/faults');
    },
  };
}

/** The edge's admin socket. */
export interface EdgeAdmin extends PartAdmin<CallRecord> {
  /** Further switches; those that there are stay as they are. */
  addFaults(faults: readonly FaultSwitch[]): Promise<void>;
  /** How often each switch fired. */
  faultStatus(): Promise<FaultStatus[]>;
}

/** See {@link EdgeAdmin}. */
export function edgeAdmin(cloud: CloudFile): EdgeAdmin {
  const send = sender(join(cloud.home, cloud.sockets.edgeAdmin));
  return {
    ...partAdmin<CallRecord>(send),
    addFaults: async (faults) => {
      await send('POST', '/faults', faults);
    },
    faultStatus: async () => (await send('GET', '/faults')) as FaultStatus[],
  };
}

/** The storage service's admin socket, with the truth about volumes and attachments. */
export interface StorageTruth extends PartAdmin<StorageCall> {
  /** What EC2 is deleting is gone: it takes a moment longer than the operation that asked for it. */
  volumes(): Promise<Volume[]>;
  attachments(): Promise<Attachment[]>;
  snapshots(): Promise<Snapshot[]>;
  accessPoints(): Promise<AccessPoint[]>;
  recoveryPoints(): Promise<RecoveryPoint[]>;
  /** How often each fault switch struck. */
  faultStatus(): Promise<{ readonly id: string; readonly injected: number }[]>;
}

/** See {@link StorageTruth}. */
export function storageTruth(cloud: CloudFile): StorageTruth {
  const send = sender(join(cloud.home, cloud.sockets.storageAdmin));
  return {
    ...partAdmin<StorageCall>(send),
    volumes: async () =>
      ((await send('GET', '/volumes')) as Volume[]).filter(({ state }) => state !== 'deleting'),
    attachments: async () => (await send('GET', '/attachments')) as Attachment[],
    snapshots: async () => (await send('GET', '/snapshots')) as Snapshot[],
    accessPoints: async () => (await send('GET', '/accesspoints')) as AccessPoint[],
    recoveryPoints: async () => (await send('GET', '/recoverypoints')) as RecoveryPoint[],
    faultStatus: async () => (await send('GET', '/faults')) as { id: string; injected: number }[],
  };
}
