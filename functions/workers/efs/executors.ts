import type { AccessPoints } from '#shared/aws/efs/access-points.ts';
import { askPurge, bury, forget } from '#shared/aws/table/volume-writes.ts';
import { discard, type Write } from '#shared/aws/table/writes.ts';
import type { PurgeItem } from '#shared/model/items.ts';
import { changeVolume, fail, goOn, look, succeed, volumeTo, type Change } from '../change.ts';
import type { Executors } from '../executor.ts';
import { backAsItWas, inPlaceExecutors } from './execute-in-place.ts';
import { efsDrillExecutors } from './execute-drill.ts';
import { efsExtractExecutors } from './execute-extract.ts';
import { endRestore, restoreExecutors } from './execute-restore.ts';
import type { EfsFacts, EfsStep } from '../planner-efs.ts';
import type { EfsPorts } from './driver.ts';

type EfsExecutors = Executors<EfsStep, EfsFacts>;

type SharedFileSystem = Pick<EfsPorts, 'points' | 'recovery' | 'objects'>;

/** Every step of the EFS driver, over the access points of the shared file system and its recovery points. */
export function efsExecutors({ points, recovery, objects }: SharedFileSystem): EfsExecutors {
  return {
    wait: { kind: 'record', change: (_, { seconds }) => look(seconds) },
    stop: { kind: 'record', change: (_, { outcome }) => ({ writes: [], outcome }) },
    abandon: { kind: 'record', change: (facts, { failure }) => fail(facts, failure, []) },
    ...createExecutors(points),
    ...restoreExecutors(points, recovery),
    ...inPlaceExecutors(points),
    ...deleteExecutors(),
    ...purgeExecutors(points),
    ...efsDrillExecutors,
    ...efsExtractExecutors(objects),
  };
}

type CreatePart = Pick<EfsExecutors, 'createAccessPoint' | 'nextAttempt' | 'confirmCreated' | 'failCreate'>;

/** Contract 4: nothing here deletes. */
function createExecutors(points: AccessPoints): CreatePart {
  return {
    createAccessPoint: {
      kind: 'effect',
      perform: async ({ wanted }) => {
        const { id: accessPointId, fileSystemId, path } = await points.create(wanted);
        return (facts) => {
          const storage = { kind: 'efs', fileSystemId, accessPointId, path } as const;
          return look(1, [changeVolume(facts, { storage, createdInAwsAt: facts.now.toISOString() })]);
        };
      },
    },
    nextAttempt: {
      kind: 'record',
      change: (facts, { because }) => {
        const attempt = facts.record.volume.attempt + 1;
        return goOn([changeVolume(facts, { attempt, storage: undefined, reason: because })]);
      },
    },
    confirmCreated: {
      kind: 'record',
      change: (facts) =>
        succeed(facts, [
          changeVolume(facts, { state: 'available', operation: undefined, reason: undefined }),
        ]),
    },
    failCreate: {
      kind: 'record',
      change: (facts, { failure, nextAttempt }) => {
        const { attempt } = facts.record.volume;
        const anew = { attempt: attempt + 1, storage: undefined, createdInAwsAt: undefined };
        const failed = { state: 'failed', operation: undefined, reason: failure.detail } as const;
        return fail(facts, failure, [
          changeVolume(facts, { ...failed, ...(nextAttempt ? anew : {}) }),
          ...endRestore(facts),
        ]);
      },
    },
  };
}

type DeletePart = Pick<EfsExecutors, 'restore' | 'bury' | 'startPurge' | 'finishDelete'>;

function deleteExecutors(): DeletePart {
  return {
    restore: { kind: 'record', change: (facts, { failure }) => fail(facts, failure, backAsItWas(facts)) },
    bury: {
      kind: 'record',
      change: (facts, { purgeAt }) => {
        const next = volumeTo(facts, {
          state: 'deleted',
          deletedAt: facts.now.toISOString(),
          purgeAt,
          hosts: [],
        });
        // A host that begins to use it in this moment makes the transaction lose: its attachment is compared as read.
        const wake = facts.record.attachments.map(({ hostId }) => hostId);
        return { ...goOn(bury(facts.record, next)), wake };
      },
    },
    startPurge: { kind: 'record', change: (facts) => goOn([changeVolume(facts, { state: 'purging' })]) },
    finishDelete: {
      kind: 'record',
      change: (facts) => succeed(facts, [changeVolume(facts, { operation: undefined })]),
    },
  };
}

type PurgePart = Pick<
  EfsExecutors,
  'createPurgePoint' | 'reassignPurge' | 'deletePurgePoint' | 'deleteAccessPoint' | 'forget'
>;

function purgeExecutors(points: AccessPoints): PurgePart {
  return {
    createPurgePoint: {
      kind: 'effect',
      perform: async ({ wanted, hostId }) => {
        const { id: accessPointId, fileSystemId } = await points.create(wanted);
        return ({ record, now }) => {
          const volumeId = record.volume.id;
          return ask({ volumeId, hostId, fileSystemId, accessPointId, done: false, at: now.toISOString() });
        };
      },
    },
    reassignPurge: {
      kind: 'record',
      change: ({ record: { purge }, now }, { hostId }) => {
        if (purge === undefined) return goOn();
        const again = ask({ ...purge, hostId, at: now.toISOString() });
        return { ...again, writes: [discard('hostPurge', purge), ...again.writes] };
      },
    },
    deletePurgePoint: { kind: 'effect', perform: ({ accessPointId }) => remove(points, accessPointId) },
    deleteAccessPoint: { kind: 'effect', perform: ({ accessPointId }) => remove(points, accessPointId) },
    forget: {
      kind: 'record',
      change: (facts, { keep }) => succeed(facts, keep ? keepRecord(facts) : forget(facts.record)),
    },
  };
}

/** The record stays, for its backups. */
function keepRecord(facts: EfsFacts): Write[] {
  const { purge, used } = facts.record;
  return [
    changeVolume(facts, { state: 'purged', storage: undefined, operation: undefined, madeFrom: undefined }),
    ...(purge === undefined ? [] : [discard('purge', purge), discard('hostPurge', purge)]),
    ...(used === undefined ? [] : [discard('used', used)]),
  ];
}

function ask(item: PurgeItem): Change {
  return { ...look(2, askPurge(item)), wake: [item.hostId] };
}

async function remove(points: AccessPoints, id: string): Promise<() => Change> {
  await points.delete(id);
  return () => goOn();
}
