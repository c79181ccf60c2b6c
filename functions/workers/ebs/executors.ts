import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import { fail, look } from '../change.ts';
import type { Executors } from '../executor.ts';
import type { EbsFacts, EbsStep } from '../planner-ebs-steps.ts';
import { attachExecutors } from './execute-attach.ts';
import { createExecutors } from './execute-create.ts';
import { drillExecutors } from './execute-drill.ts';
import { deleteExecutors } from './execute-delete.ts';
import { detachExecutors } from './execute-detach.ts';

export type EbsExecutors = Executors<EbsStep, EbsFacts>;

/** Every step of the EBS driver, over a block storage. */
export function ebsExecutors(storage: BlockStorage): EbsExecutors {
  return {
    wait: { kind: 'record', change: (_, { seconds }) => look(seconds) },
    stop: { kind: 'record', change: (_, { outcome }) => ({ writes: [], outcome }) },
    abandon: { kind: 'record', change: (facts, { failure }) => fail(facts, failure, []) },
    ...createExecutors(storage),
    ...attachExecutors(storage),
    ...detachExecutors(storage),
    ...deleteExecutors(storage),
    ...drillExecutors,
  };
}
