import type { RecoveryRegions } from '#shared/aws/backup/recovery-points.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { goOn, look, succeed } from '../change.ts';
import type { Executors } from '../executor.ts';
import { changeBackup, endBacking } from './backup-changes.ts';
import { vaultOf } from './look-at-point.ts';
import { changePoint, completePoint, joinPoint, sharePoint } from './point-writes.ts';
import type { RecoveryPointSteps } from './shared-point.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

type RecoveryPointExecutors = Pick<Executors<BackupStep, BackupFacts>, keyof RecoveryPointSteps>;

/** The steps of backups that are recovery points. */
export function recoveryPointExecutors(recovery: RecoveryRegions): RecoveryPointExecutors {
  return {
    sharePoint: { kind: 'record', change: (facts) => goOn(sharePoint(facts)) },
    joinPoint: { kind: 'record', change: (facts) => goOn(joinPoint(facts)) },
    startPoint: {
      kind: 'effect',
      perform: async ({ token }, { operation, backup }) => {
        const tags = { [tagKeys.product]: productTagValue, [tagKeys.operation]: operation.id };
        const { id, recoveryPointArn, createdAt } = await recovery
          .in(backup?.region ?? '')
          .startBackup({ token, tags });
        return (facts) => {
          const startedAt = (createdAt ?? facts.now).toISOString();
          return look(2, changePoint(facts, { jobId: id, recoveryPointArn, startedAt }));
        };
      },
    },
    copyPoint: {
      kind: 'effect',
      perform: async ({ token, from: { region, arn, vault: source } }, { backup }) => {
        const wanted = { token, arn, to: backup?.region ?? '' };
        const { id, createdAt, vault } = await recovery.in(region, source).startCopy(wanted);
        return (facts) => {
          const startedAt = (createdAt ?? facts.now).toISOString();
          return look(2, changePoint(facts, { jobId: id, vault, startedAt }));
        };
      },
    },
    discardPoint: { kind: 'effect', perform: ({ arn }, facts) => removePoint(recovery, arn, facts) },
    finishPoint: {
      kind: 'record',
      change: (facts, { storage, cutAt }) => {
        const point = completePoint(facts, storage.recoveryPointArn);
        const completedAt = facts.now.toISOString();
        const done = { state: 'available', operation: undefined, storage, cutAt, completedAt } as const;
        return succeed(facts, [...changeBackup(facts, done), ...point, ...endBacking(facts)]);
      },
    },
    closePoint: {
      kind: 'record',
      change: (facts) => goOn(changePoint(facts, { state: 'deleting', operationId: facts.operation.id })),
    },
    deletePoint: { kind: 'effect', perform: ({ arn }, facts) => removePoint(recovery, arn, facts) },
  };
}

/** While it is being restored no mark is left, and it is tried again. */
async function removePoint(recovery: RecoveryRegions, arn: string, { backup, shared }: BackupFacts) {
  const answer = await vaultOf(recovery, backup, shared?.item).deletePoint(arn);
  return () => (answer === 'in-use' ? { ...look(15), unmarked: true } : goOn());
}
