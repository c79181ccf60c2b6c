import { fail, look } from '../change.ts';
import type { Executors } from '../executor.ts';
import type { EbsFacts, EbsStep } from '../planner-ebs-steps.ts';
import { attachExecutors } from './execute-attach.ts';
import { createExecutors } from './execute-create.ts';
import { drillExecutors } from './execute-drill.ts';
import { deleteExecutors } from './execute-delete.ts';
import { detachExecutors } from './execute-detach.ts';
import type { EbsPorts } from './driver.ts';
import { extractExecutors } from './execute-extract.ts';
import { scratchExecutors } from './execute-scratch.ts';
import { restoreExecutors } from './execute-restore.ts';

export type EbsExecutors = Executors<EbsStep, EbsFacts>;

/** Every step of the EBS driver, over a block storage. */
export function ebsExecutors({ storage, objects }: Pick<EbsPorts, 'storage' | 'objects'>): EbsExecutors {
  return {
    wait: { kind: 'record', change: (_, { seconds }) => look(seconds) },
    stop: { kind: 'record', change: (_, { outcome }) => ({ writes: [], outcome }) },
    abandon: { kind: 'record', change: (facts, { failure }) => fail(facts, failure, []) },
    ...createExecutors(storage),
    ...attachExecutors(storage),
    ...detachExecutors(storage),
    ...deleteExecutors(storage),
    ...scratchExecutors,
    ...restoreExecutors(storage),
    ...drillExecutors,
    ...extractExecutors(objects),
  };
}
