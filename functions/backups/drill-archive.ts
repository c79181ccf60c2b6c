import { keys } from '#shared/aws/table/keys.ts';
import { replace } from '#shared/aws/table/writes.ts';
import type { DrillBackup } from '#shared/model/drill.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { commit, newOperation } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';

interface Beginning {
  readonly backup: BackupItem;
  readonly request: Pick<DrillBackup, 'check' | 'host'>;
  /** Who needs the backup beside this drill. */
  readonly users: readonly string[];
}

/**
 * Begins the drill of an archive: it makes nothing in AWS, as a host restores it to a directory of its own. Which host, the worker
 * decides, unless one was asked for: not every host has restic, or the room.
 */
export async function beginArchiveDrill(
  ports: Ports,
  call: Call,
  { backup, request, users }: Beginning,
): Promise<OperationAnswer> {
  const { check, host } = request;
  const volume = await ports.table.read('volume', keys.volume(backup.volumeId));
  if (volume === undefined)
    throw new ProductError('Internal', `The volume record of backup ${backup.id} is gone.`, {
      value: backup.volumeId,
    });
  const parts = {
    kind: 'drill',
    driver: 'backup',
    backup: backup.id,
    message: `Waiting for a host that restores ${backup.id}`,
    ...(host === undefined ? {} : { host }),
  } as const;
  const operation: OperationItem = {
    ...newOperation(ports, call, { volume, parts }),
    ...(check === undefined ? {} : { check }),
  };
  const used = { ...backup, users: [...users, operation.id], updatedAt: operation.createdAt };
  const writes = [replace('backup', backup, used)]; // guard: drill-uses-archive off: const writes = [replace('backup', backup, backup)];
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation });
  return showOperation(operation);
}
