import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import { changeVolume, endAttachments, fail, freeLease, goOn, look, succeed } from '../change.ts';
import type { EbsExecutors } from './executors.ts';

type Part = Pick<EbsExecutors, 'createVolume' | 'nextAttempt' | 'confirmCreated' | 'failCreate'>;

/** Contract 4: nothing here deletes. */
export function createExecutors(storage: BlockStorage): Part {
  return {
    createVolume: {
      kind: 'effect',
      perform: async ({ wanted }) => {
        const { id: volumeId, sizeGiB: provisionedGiB, volumeType } = await storage.createVolume(wanted);
        return (facts) => {
          const ref = { kind: 'ebs', volumeId, provisionedGiB, volumeType } as const;
          return look(1, [changeVolume(facts, { storage: ref, createdInAwsAt: facts.now.toISOString() })]);
        };
      },
    },
    nextAttempt: {
      kind: 'record',
      change: (facts, { because }) => {
        const attempt = facts.record.volume.attempt + 1;
        const next = { attempt, storage: undefined, createdInAwsAt: undefined, reason: because };
        return goOn([changeVolume(facts, next)]);
      },
    },
    confirmCreated: {
      kind: 'record',
      change: (facts) => {
        const there = { state: 'available', reason: undefined } as const;
        if (facts.operation.kind !== 'create') return goOn([changeVolume(facts, there)]);
        return succeed(facts, [changeVolume(facts, { ...there, operation: undefined })]);
      },
    },
    failCreate: {
      kind: 'record',
      change: (facts, { failure, nextAttempt }) => {
        const { volume } = facts.record;
        const failed = { state: 'failed', reason: failure.detail, operation: undefined, hosts: [] } as const;
        const anew = { attempt: volume.attempt + 1, storage: undefined, createdInAwsAt: undefined };
        const write = changeVolume(facts, { ...failed, hosts: [], ...(nextAttempt ? anew : {}) });
        return fail(facts, failure, [
          write,
          ...freeLease(facts, facts.operation.kind === 'attach'),
          ...endAttachments(facts, () => true),
        ]);
      },
    },
  };
}
