import { askTask } from '#shared/aws/table/backup-writes.ts';
import { discard } from '#shared/aws/table/writes.ts';
import { goOn, look } from '../change.ts';
import { removeArchive } from '../transfers/remove-archive.ts';
import type { EbsPorts } from './driver.ts';
import { finishScratch } from '../change-scratch.ts';
import type { EbsExecutors } from './executors.ts';

type Part = Pick<EbsExecutors, 'askExtract' | 'recordExtract' | 'removeArchive' | 'finishExtract'>;

/** The steps that only a browse and an extract have. */
export function extractExecutors(objects: EbsPorts['objects']): Part {
  return {
    askExtract: {
      kind: 'record',
      change: (_, { task }) => ({ ...look(1, askTask(task)), wake: [task.hostId] }),
    },
    recordExtract: {
      kind: 'record',
      change: ({ scratch }, { failure }) => {
        const asked = scratch?.task === undefined ? [] : [discard('hostTask', scratch.task)];
        return goOn(asked, failure === undefined ? {} : { error: failure });
      },
    },
    removeArchive: {
      kind: 'effect',
      perform: (_, { scratch }) => removeArchive(objects, scratch?.transfer),
    },
    finishExtract: { kind: 'record', change: finishScratch },
  };
}
