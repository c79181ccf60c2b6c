import type { RecoveryPoints } from '#shared/aws/backup/recovery-points.ts';
import type { AccessPoints } from '#shared/aws/efs/access-points.ts';
import { askTask } from '#shared/aws/table/backup-writes.ts';
import { create, discard, replace, type Write } from '#shared/aws/table/writes.ts';
import type { MadeFrom } from '#shared/model/items.ts';
import { changeVolume, goOn, look } from '../change.ts';
import type { Executors } from '../executor.ts';
import type { RestoreSteps } from '../planner-efs-restore.ts';
import type { EfsFacts, EfsStep } from '../planner-efs.ts';

type RestoreExecutors = Pick<Executors<EfsStep, EfsFacts>, keyof RestoreSteps>;

/** The steps that bring a directory back from a recovery point. What is deleted here is a temporary access point, never files. */
export function restoreExecutors(points: AccessPoints, recovery: RecoveryPoints): RestoreExecutors {
  return {
    claimRestore: { kind: 'record', change: (facts, { sourceId }) => goOn(claimRestore(facts, sourceId)) },
    startRestore: {
      kind: 'effect',
      perform: async ({ token, arn, path }) => {
        const jobId = await recovery.startRestore({ token, arn, path });
        return (facts) => look(2, [changePoint(facts, { jobId })]);
      },
    },
    createLookPoint: {
      kind: 'effect',
      perform: async ({ wanted }) => {
        const { id } = await points.create(wanted);
        return (facts) => look(1, [changePoint(facts, { lookPoint: id })]);
      },
    },
    askLocate: {
      kind: 'record',
      change: (facts, { task }) => {
        const before = facts.restore?.task;
        const gone = before === undefined ? [] : [discard('hostTask', before)];
        const moved = before?.hostId === task.hostId ? [] : gone;
        return { ...look(2, [...moved, ...askTask(task)]), wake: [task.hostId] };
      },
    },
    deleteLookPoint: {
      kind: 'effect',
      perform: async ({ accessPointId }) => {
        await points.delete(accessPointId);
        return () => goOn();
      },
    },
    foundDirectory: {
      kind: 'record',
      change: (facts, { directory }) => goOn([changePoint(facts, { directory }), ...endRestore(facts)]),
    },
  };
}

function changePoint(facts: EfsFacts, patch: Partial<NonNullable<MadeFrom['recoveryPoint']>>): Write {
  const { incoming } = facts.record.volume;
  const was = incoming?.madeFrom ?? facts.record.volume.madeFrom;
  if (was?.recoveryPoint === undefined) return changeVolume(facts, {});
  const madeFrom = { ...was, recoveryPoint: { ...was.recoveryPoint, ...patch } };
  return changeVolume(facts, incoming === undefined ? { madeFrom } : { incoming: { ...incoming, madeFrom } });
}

/** Loses on `restoring` when another operation claims it meanwhile. */
function claimRestore({ restore, operation, now }: EfsFacts, volumeId: string): Write[] {
  const item = { volumeId, operationId: operation.id, at: now.toISOString() };
  const { restoring } = restore ?? {};
  return [restoring === undefined ? create('restoring', item) : replace('restoring', restoring, item)];
}

/** Another restore of the same directory may begin, and no host is asked any more. */
export function endRestore({ restore, operation }: EfsFacts): Write[] {
  const { restoring, task } = restore ?? {};
  return [
    ...(restoring?.operationId === operation.id ? [discard('restoring', restoring)] : []),
    ...(task === undefined ? [] : [discard('hostTask', task)]),
  ];
}
