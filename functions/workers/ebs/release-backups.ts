import { discard, replace, type Write } from '#shared/aws/table/writes.ts';
import type { BackupItem } from '#shared/model/items.ts';
import type { EbsFacts } from '../planner-ebs-steps.ts';

/** A restore in place has ended: it needs no backup any more, and the volume may be backed up again. */
export function releaseBackups(facts: EbsFacts): Write[] {
  const { restore } = facts;
  return [
    ...endBacking(facts),
    ...[restore?.backup, restore?.guard].flatMap((backup) => withoutUser(facts, backup)),
  ];
}

/** The backup that the operation made is made. */
export function endBacking({ operation, record }: EbsFacts): Write[] {
  const { backing } = record;
  return backing?.operationId === operation.id ? [discard('backing', backing)] : [];
}

function withoutUser({ operation, now }: EbsFacts, backup: BackupItem | undefined): Write[] {
  if (backup === undefined || !backup.users.includes(operation.id)) return [];
  const users = backup.users.filter((user) => user !== operation.id);
  return [replace('backup', backup, { ...backup, users, updatedAt: now.toISOString() })];
}
