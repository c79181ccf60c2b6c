import { replace } from '#shared/aws/table/writes.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { commit, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { checkBackupMatch, findBackup, showBackup, type BackupAnswer } from './answer.ts';

/** Puts a backup under a hold, or ends that. The same again changes nothing. @throws ProductError BackupNotFound; StaleRevision */
export async function holdBackup(
  ports: Ports,
  call: Call,
  hold: { readonly backup: string; readonly held: boolean; readonly reason?: string | undefined },
): Promise<BackupAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    const backup = await findBackup(ports, call.namespace, hold.backup);
    if (prior !== undefined) return showBackup(backup);
    checkBackupMatch(backup, call);
    const holdReason = hold.held && hold.reason !== '' ? hold.reason : undefined;
    const same = backup.held === hold.held && backup.holdReason === holdReason;
    const next: BackupItem = {
      ...backup,
      held: hold.held,
      holdReason,
      updatedAt: ports.clock().toISOString(),
    };
    await commit(ports, call, {
      writes: same ? [] : [replace('backup', backup, next)],
      subject: backup.volumeId,
      status: 200,
    });
    return showBackup(await findBackup(ports, call.namespace, hold.backup));
  });
}
