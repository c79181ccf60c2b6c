import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import { createBackup } from '#shared/aws/table/backup-writes.ts';
import type { Write } from '#shared/aws/table/writes.ts';
import type { Incoming } from '#shared/model/items.ts';
import { changeLease, changeVolume, endAttachments, goOn, look, succeed, type Change } from '../change.ts';
import type { EbsFacts } from '../planner-ebs-steps.ts';
import type { EbsExecutors } from './executors.ts';
import { endBacking, releaseBackups } from './release-backups.ts';
import { snapshotBackup } from './snapshot-backup.ts';

type Part = Pick<
  EbsExecutors,
  'keepGuard' | 'createIncoming' | 'nextIncoming' | 'exchange' | 'finishRestore'
>;

/** The steps that only a restore in place has. Contract 4: none of them deletes. */
export function restoreExecutors(storage: BlockStorage): Part {
  return {
    keepGuard: { kind: 'record', change: keepGuard },
    createIncoming: {
      kind: 'effect',
      perform: async ({ wanted }) => {
        const { id: volumeId, sizeGiB: provisionedGiB, volumeType } = await storage.createVolume(wanted);
        const ref = { kind: 'ebs', volumeId, provisionedGiB, volumeType } as const;
        return (facts) =>
          look(1, changeIncoming(facts, { storage: ref, createdInAwsAt: facts.now.toISOString() }));
      },
    },
    nextIncoming: {
      kind: 'record',
      change: (facts) => goOn(nextIncoming(facts)),
    },
    exchange: { kind: 'record', change: exchange },
    finishRestore: {
      kind: 'record',
      change: (facts) =>
        succeed(facts, [
          changeVolume(facts, { state: 'available', operation: undefined, outgoing: undefined }),
          ...releaseBackups(facts),
        ]),
    },
  };
}

/** The snapshot is a backup from now on, and the operation needs it until it has ended. */
function keepGuard(facts: EbsFacts): Change {
  const { operation, record } = facts;
  const description = `What ${record.volume.name} held before ${operation.backup ?? ''} was restored in its place`;
  const backup = snapshotBackup(facts, { id: operation.guard, origin: 'guard', description });
  const kept = backup === undefined ? [] : createBackup({ ...backup, users: [operation.id] });
  return goOn([changeVolume(facts, { finalSnapshot: undefined }), ...kept, ...endBacking(facts)]);
}

function changeIncoming(facts: EbsFacts, patch: Partial<Incoming>): Write[] {
  const { incoming } = facts.record.volume;
  return incoming === undefined ? [] : [changeVolume(facts, { incoming: { ...incoming, ...patch } })];
}

/** EC2 has shown that the attempt failed: the next one gets another token. */
function nextIncoming(facts: EbsFacts): Write[] {
  const { attempt, incoming } = facts.record.volume;
  if (incoming === undefined) return [];
  const anew = { ...incoming, storage: undefined, createdInAwsAt: undefined };
  return [changeVolume(facts, { attempt: attempt + 1, incoming: anew })];
}

/**
 * The one moment in which the volume is another: its storage, what is on it, and the epoch under which it may be used, so that
 * whoever had the old one is stale (contract 3). The old one is named until it is freed, so that it is no leak.
 */
function exchange(facts: EbsFacts): Change {
  const { storage: outgoing, incoming } = facts.record.volume;
  if (incoming === undefined) return goOn();
  const { storage, createdInAwsAt, madeFrom, sizeBytes, encrypted, format } = incoming;
  const inPlace = { storage, createdInAwsAt, madeFrom, sizeBytes, encrypted };
  const epoch = (facts.record.lease?.epoch ?? 0) + 1;
  const nobody = { epoch, holder: undefined, bootId: undefined, inUse: false, use: undefined };
  return goOn([
    changeVolume(facts, { ...inPlace, incoming: undefined, outgoing, hosts: [], reason: undefined }),
    ...changeLease(facts, { ...nobody, filesystem: format, ticketSerial: undefined }),
    ...endAttachments(facts, () => true),
  ]);
}
