import { discard, replace, type Write } from '#shared/aws/table/writes.ts';
import type { BackupItem } from '#shared/model/items.ts';
import type { BackupFacts } from './steps.ts';

/** The backup with what changes. */
export function changeBackup({ backup, now }: BackupFacts, patch: Partial<BackupItem>): Write[] {
  if (backup === undefined) return [];
  return [replace('backup', backup, { ...backup, ...patch, updatedAt: now.toISOString() })];
}

/** The volume may be backed up again, and no host is asked any more. */
export function endBacking({ record, operation, task }: BackupFacts): Write[] {
  const { backing } = record;
  return [
    ...(backing?.operationId === operation.id ? [discard('backing', backing)] : []),
    ...(task === undefined ? [] : [discard('hostTask', task)]),
  ];
}
