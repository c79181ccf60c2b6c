import type { EfsFacts } from '#functions/workers/planner-efs.ts';
import type { OperationKind } from '#shared/model/operation.ts';
import type { VolumeState } from '#shared/model/states.ts';
import { hostA, undoWindowHours } from './world.ts';

interface Parts {
  readonly kind: OperationKind;
  readonly state: VolumeState;
  /** Host A has it attached and uses it, or does not. */
  readonly inUse: boolean;
}

const now = new Date('2026-11-23T12:00:00Z');
const at = now.toISOString();
const volumeId = 'vol-00000000000000000000000000';
const operationId = 'op-00000000000000000000000000';
const named = { namespace: 'default', volumeId, caller: 'test' };

/** What the planner of network volumes sees of one with an access point. */
export function efsFacts({ kind, state, inUse }: Parts): EfsFacts {
  const storage = {
    kind: 'efs',
    fileSystemId: 'fs-1',
    accessPointId: 'fsap-1',
    path: `/volumes/${volumeId}`,
  } as const;
  return {
    operation: {
      ...named,
      id: operationId,
      kind,
      volume: 'data',
      driver: 'efs',
      status: 'running',
      progress: 0,
      message: '',
      forceDetach: false,
      trail: [],
      createdAt: at,
      updatedAt: at,
      waitUntil: new Date(now.getTime() + 60_000).toISOString(),
    },
    record: {
      volume: {
        id: volumeId,
        name: 'data',
        namespace: 'default',
        type: 'network',
        driver: 'efs',
        state,
        labels: {},
        options: {},
        description: '',
        owner: { uid: 0, gid: 0, mode: '0755' },
        readOnly: false,
        encrypted: true,
        protected: false,
        storage,
        hosts: [],
        operation: operationId,
        revision: 1,
        createdAt: at,
        updatedAt: at,
        createdBy: 'test',
        purgeAt: at,
        attempt: 1,
        purge: false,
      },
      lease: undefined,
      attachments: [
        {
          volumeId,
          hostId: hostA,
          namespace: 'default',
          since: at,
          readOnly: false,
          epoch: 1,
          inUse,
          desired: 'detached',
          actual: 'attached',
        },
      ],
      observations: [],
      step: undefined,
      purge: undefined,
      backing: undefined,
      used: undefined,
    },
    point: undefined,
    emptiers: [hostA],
    remnants: [],
    powerless: new Set(),
    now,
    undoWindowHours,
    hasBackups: false,
    restore: undefined,
    scratch: undefined,
    reading: undefined,
  };
}
