import type { RepositoryKeeper } from '#shared/aws/archive/repository-keeper.ts';
import { askTask, claimBacking } from '#shared/aws/table/backup-writes.ts';
import { discard, replace, type Write } from '#shared/aws/table/writes.ts';
import type { TaskItem } from '#shared/model/items.ts';
import { changeVolume, fail, goOn, look, succeed, type Change } from '../change.ts';
import type { Executors } from '../executor.ts';
import type { ArchiveSteps } from './archive.ts';
import { changeBackup, endBacking } from './backup-changes.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

type ArchiveExecutors = Pick<Executors<BackupStep, BackupFacts>, keyof ArchiveSteps>;

/** The steps of backups that are files. */
export function archiveExecutors(repositories: RepositoryKeeper): ArchiveExecutors {
  return {
    finishArchive: {
      kind: 'record',
      change: (facts, { storage, cutAt }) => {
        const completedAt = facts.now.toISOString();
        const done = { state: 'available', operation: undefined, storage, cutAt, completedAt } as const;
        return succeed(facts, [...changeBackup(facts, done), ...endBacking(facts)]);
      },
    },
    claimRepository: {
      kind: 'record',
      change: ({ operation, record, backup, now }) => {
        const [volumeId, since] = [record.volume.id, now.toISOString()];
        const claim = { volumeId, backupId: backup?.id ?? '', operationId: operation.id, since };
        return goOn([claimBacking(claim)]);
      },
    },
    emptyRepository: {
      kind: 'effect',
      perform: async ({ prefix }) => {
        const more = await repositories.empty(prefix);
        return () => (more ? { ...goOn(), unmarked: true } : goOn());
      },
    },
    removePassword: {
      kind: 'effect',
      perform: async ({ repository }) => {
        await repositories.removePassword(repository);
        return () => goOn();
      },
    },
    askForget: { kind: 'record', change: ask },
    ...fillExecutors,
  };
}

const fillExecutors: Pick<ArchiveExecutors, 'askFill' | 'finishFill' | 'failFill'> = {
  askFill: { kind: 'record', change: ask },
  finishFill: {
    kind: 'record',
    change: (facts) => {
      const wake = facts.record.attachments.map(({ hostId }) => hostId);
      const writes = [changeVolume(facts, { filling: undefined }), ...leaveBackup(facts), ...endTask(facts)];
      return { ...succeed(facts, writes), wake };
    },
  },
  failFill: {
    kind: 'record',
    change: (facts, { failure }) => fail(facts, failure, [...leaveBackup(facts), ...endTask(facts)]),
  },
};

/** One host at a time: what another one was asked is taken back. */
export function ask({ task: was }: BackupFacts, { task }: { readonly task: TaskItem }): Change {
  const taken = was === undefined || was.hostId === task.hostId ? [] : [discard('hostTask', was)];
  return { ...look(2, [...askTask(task), ...taken]), wake: [task.hostId] };
}

export function endTask({ task }: BackupFacts): Write[] {
  return task === undefined ? [] : [discard('hostTask', task)];
}

/** The restore does not need the backup any more. */
export function leaveBackup({ backup, operation, record }: BackupFacts): Write[] {
  if (backup === undefined) return [];
  const users = backup.users.filter((user) => user !== operation.id && user !== record.volume.id);
  return users.length === backup.users.length ? [] : [replace('backup', backup, { ...backup, users })];
}
