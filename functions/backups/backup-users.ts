import { keys } from '#shared/aws/table/keys.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import type { Ports } from '#functions/volumes/ports.ts';

/**
 * Who needs the backup right now: operations that are not finished, and volumes whose storage is still to be made
 * from it. What is noted and needs it no more is left out.
 */
export async function liveBackupUsers(
  { table }: Pick<Ports, 'table'>,
  backup: BackupItem,
): Promise<string[]> {
  const live: string[] = [];
  for (const user of backup.users) {
    if (user.startsWith('vol-') ? await isToBeMade({ table }, user) : await isUnderWay({ table }, user))
      live.push(user);
  }
  return live;
}

async function isToBeMade({ table }: Pick<Ports, 'table'>, volumeId: string): Promise<boolean> {
  const volume = await table.read('volume', keys.volume(volumeId));
  const waiting = volume?.state === 'creating' || volume?.state === 'unplaced' || volume?.state === 'failed';
  return volume?.madeFrom !== undefined && waiting;
}

async function isUnderWay({ table }: Pick<Ports, 'table'>, operationId: string): Promise<boolean> {
  const operation = await table.readOperation(operationId);
  return operation !== undefined && !isFinished(operation.status);
}
