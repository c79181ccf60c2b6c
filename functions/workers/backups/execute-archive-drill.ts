import { discard, put } from '#shared/aws/table/writes.ts';
import { drilledOf } from '#shared/model/rules-drill.ts';
import { fail, succeed } from '../change.ts';
import { endOfDrill } from '../drill-outcome.ts';
import type { Executors } from '../executor.ts';
import type { ArchiveDrillSteps } from './archive.ts';
import { changeBackup } from './backup-changes.ts';
import { ask } from './execute-archive.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

type DrillPart = Pick<Executors<BackupStep, BackupFacts>, keyof ArchiveDrillSteps>;

/** The steps of a drill of files. All are the table's alone. */
export const archiveDrillExecutors: DrillPart = {
  askVerify: { kind: 'record', change: ask },
  endDrill: {
    kind: 'record',
    change: (facts, { finding }) => {
      const { operation, backup, task, now } = facts;
      const by = task === undefined ? operation : { ...operation, host: task.hostId };
      const { drill, patch, failure } = endOfDrill(by, finding, { now, task });
      const users = backup?.users.filter((user) => user !== operation.id) ?? [];
      const writes = [
        ...changeBackup(facts, { ...patch, users }),
        ...(backup === undefined ? [] : [put('drilled', drilledOf(backup, drill))]),
        ...(task === undefined ? [] : [discard('hostTask', task)]),
      ];
      return failure === undefined ? succeed(facts, writes) : fail(facts, failure, writes);
    },
  },
};
