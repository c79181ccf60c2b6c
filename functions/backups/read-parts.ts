import { replace, type Write } from '#shared/aws/table/writes.ts';
import type { BackupItem, OperationItem, TransferItem } from '#shared/model/items.ts';
import type { Ports } from '#functions/volumes/ports.ts';
import { liveBackupUsers } from './backup-users.ts';

/** What the host sends is fetched as an export of the volume that was backed up. */
export function transferOf(
  { id, createdAt }: OperationItem,
  { namespace, volumeId, volume }: BackupItem,
): TransferItem {
  return { id, kind: 'export', namespace, volumeId, volume, removed: false, createdAt };
}

/** Until the operation ends, nobody removes what it reads. */
export async function useBackup(
  ports: Ports,
  backup: BackupItem,
  { id, createdAt: updatedAt }: OperationItem,
): Promise<Write> {
  const users = [...(await liveBackupUsers(ports, backup)), id];
  return replace('backup', backup, { ...backup, users, updatedAt });
}
