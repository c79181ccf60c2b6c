import { askTask } from '#shared/aws/table/backup-writes.ts';
import { finishScratch, recordDrill } from '../change-scratch.ts';
import { changeVolume, goOn, look } from '../change.ts';
import type { Executors } from '../executor.ts';
import type { EfsDrillSteps } from '../planner-efs-drill.ts';
import type { EfsFacts, EfsStep } from '../planner-efs.ts';
import { endRestore } from './execute-restore.ts';

type DrillPart = Pick<Executors<EfsStep, EfsFacts>, keyof EfsDrillSteps>;

/** The steps that only a drill has. All are the table's alone. */
export const efsDrillExecutors: DrillPart = {
  scratchReady: {
    kind: 'record',
    change: (facts) => goOn([changeVolume(facts, { state: 'available', reason: undefined })]),
  },
  askVerify: {
    kind: 'record',
    change: (_, { task }) => ({ ...look(2, askTask(task)), wake: [task.hostId] }),
  },
  recordDrill: {
    kind: 'record',
    change: (facts, { finding }) => {
      const change = recordDrill(facts, finding);
      return { ...change, writes: [...change.writes, ...endRestore(facts)] };
    },
  },
  retire: {
    kind: 'record',
    change: (facts, { to }) => {
      const deletedAt = to === 'deleted' ? facts.now.toISOString() : facts.record.volume.deletedAt;
      return goOn([changeVolume(facts, { state: to, deletedAt })]);
    },
  },
  finishDrill: { kind: 'record', change: finishScratch },
};
