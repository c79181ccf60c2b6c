import type { RecoveryPoints } from '#shared/aws/backup/recovery-points.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { goOn, look, succeed } from '../change.ts';
import type { Executors } from '../executor.ts';
import { changeBackup, endBacking } from './backup-changes.ts';
import { changePoint, completePoint, joinPoint, sharePoint } from './point-writes.ts';
import type { RecoveryPointSteps } from './shared-point.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

type RecoveryPointExecutors = Pick<Executors<BackupStep, BackupFacts>, keyof RecoveryPointSteps>;

/** The steps of backups that are recovery points. */
export function recoveryPointExecutors(recovery: RecoveryPoints): RecoveryPointExecutors {
  return {
    sharePoint: { kind: 'record', change: (facts) => goOn(sharePoint(facts)) },
    joinPoint: { kind: 'record', change: (facts) => goOn(joinPoint(facts)) },
    startPoint: {
      kind: 'effect',
      perform: async ({ token }, { operation }) => {
        const tags = { [tagKeys.product]: productTagValue, [tagKeys.operation]: operation.id };
        const { id, recoveryPointArn, createdAt } = await recovery.startBackup({ token, tags });
        return (facts) => {
          const startedAt = (createdAt ?? facts.now).toISOString();
          return look(2, changePoint(facts, { jobId: id, recoveryPointArn, startedAt }));
        };
      },
    },
    discardPoint: { kind: 'effect', perform: ({ arn }) => removePoint(recovery, arn) },
    finishPoint: {
      kind: 'record',
      change: (facts, { storage, cutAt }) => {
        const completedAt = facts.now.toISOString();
        const done = { state: 'available', operation: undefined, storage, cutAt, completedAt } as const;
        return succeed(facts, [...changeBackup(facts, done), ...completePoint(facts), ...endBacking(facts)]);
      },
    },
    closePoint: {
      kind: 'record',
      change: (facts) => goOn(changePoint(facts, { state: 'deleting', operationId: facts.operation.id })),
    },
    deletePoint: { kind: 'effect', perform: ({ arn }) => removePoint(recovery, arn) },
  };
}

/** While it is being restored no mark is left, and it is tried again. */
async function removePoint(recovery: RecoveryPoints, arn: string) {
  const answer = await recovery.deletePoint(arn);
  return () => (answer === 'in-use' ? { ...look(15), unmarked: true } : goOn());
}
