import { askTask } from '#shared/aws/table/backup-writes.ts';
import { discard } from '#shared/aws/table/writes.ts';
import { finishScratch } from '../change-scratch.ts';
import { goOn, look } from '../change.ts';
import type { Executors } from '../executor.ts';
import type { EfsReadSteps } from '../planner-efs-extract.ts';
import type { EfsFacts, EfsStep } from '../planner-efs.ts';
import { removeArchive } from '../transfers/remove-archive.ts';
import type { EfsPorts } from './driver.ts';
import { endRestore } from './execute-restore.ts';

type Part = Pick<Executors<EfsStep, EfsFacts>, keyof EfsReadSteps>;

/** The steps that only a browse and an extract have. */
export function efsExtractExecutors(objects: EfsPorts['objects']): Part {
  return {
    askExtract: {
      kind: 'record',
      change: (_, { task }) => ({ ...look(2, askTask(task)), wake: [task.hostId] }),
    },
    recordExtract: {
      kind: 'record',
      change: (facts, { failure }) => {
        const { task } = facts.reading ?? {};
        const asked = task === undefined ? [] : [discard('hostTask', task)];
        return goOn([...asked, ...endRestore(facts)], failure === undefined ? {} : { error: failure });
      },
    },
    removeArchive: {
      kind: 'effect',
      perform: (_, { reading }) => removeArchive(objects, reading?.transfer),
    },
    finishExtract: {
      kind: 'record',
      change: (facts) => finishScratch({ ...facts, scratch: facts.reading }),
    },
  };
}
