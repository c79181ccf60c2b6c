import { keys, partitions } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { BackupItem } from '#shared/model/items.ts';

/** A copy in another Region is not what the volume is restored from; what it was made from may be gone. */
function isGood({ state, origin }: BackupItem): boolean {
  return state === 'available' && origin !== 'copy'; // guard: overdue-copies off: return state === 'available';
}

const lookedAtOnce = 5;

/** The newest backup of a volume that can be restored, of whatever origin. */
export async function newestGood(table: Table, volumeId: string): Promise<BackupItem | undefined> {
  for (let after: string | undefined; ;) {
    const query = { pk: partitions.volumeBackups(volumeId), reverse: true, limit: lookedAtOnce };
    const page = await table.list('volumeBackup', { ...query, ...(after === undefined ? {} : { after }) });
    const wanted = page.items.map(({ backupId }) => keys.backup(backupId));
    const found = new Map((await table.readMany('backup', wanted)).map((backup) => [backup.id, backup]));
    const good = page.items
      .map(({ backupId }) => found.get(backupId))
      .find((backup) => backup !== undefined && isGood(backup));
    if (good !== undefined) return good;
    if (page.next === undefined) return undefined;
    after = page.next;
  }
}
