import { askTask } from '#shared/aws/table/backup-writes.ts';
import { finishScratch, recordDrill } from '../change-scratch.ts';
import { look } from '../change.ts';
import type { EbsExecutors } from './executors.ts';

type Part = Pick<EbsExecutors, 'askVerify' | 'recordDrill' | 'finishDrill'>;

/** The steps that only a drill has. All are the table's alone. */
export const drillExecutors: Part = {
  askVerify: {
    kind: 'record',
    change: (_, { task }) => ({ ...look(2, askTask(task)), wake: [task.hostId] }),
  },
  recordDrill: { kind: 'record', change: (facts, { finding }) => recordDrill(facts, finding) },
  finishDrill: { kind: 'record', change: finishScratch },
};
