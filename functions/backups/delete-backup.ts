import { check, replace } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { commit, newOperation, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { checkBackupMatch, findBackup, priorOperation } from './answer.ts';
import { liveBackupUsers } from './backup-users.ts';

interface Removal {
  readonly backup: string;
  /** Retention: the volume's newest good backup, which must still be as it was read. */
  readonly keeping?: BackupItem;
}

/**
 * Begins to remove a backup for good.
 * @throws ProductError BackupNotFound; BackupHeld; BackupInUse; OperationInProgress while it is being made; StaleRevision.
 */
export async function deleteBackup(
  ports: Ports,
  call: Call,
  { backup: id, keeping }: Removal,
): Promise<OperationAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return priorOperation(ports, prior);
    const backup = await findBackup(ports, call.namespace, id);
    if (backup.state === 'deleting') return underWay(ports, backup);
    checkBackupMatch(backup, call);
    await refuseNeeded(ports, backup);
    const volume = await ports.table.read('volume', keys.volume(backup.volumeId));
    if (volume === undefined)
      throw new ProductError('Internal', `The volume record of backup ${id} is gone.`, {
        value: backup.volumeId,
      });
    const parts = {
      kind: 'deleteBackup',
      driver: 'backup',
      backup: id,
      message: 'Waiting to be removed',
    } as const;
    const operation = newOperation(ports, call, { volume, parts });
    const next: BackupItem = {
      ...backup,
      state: 'deleting',
      operation: operation.id,
      users: [],
      updatedAt: operation.createdAt,
    };
    const writes = [replace('backup', backup, next)];
    if (keeping !== undefined) writes.push(check('backup', keeping)); // guard: retention-last-good-stays
    await commit(ports, call, { writes, subject: backup.volumeId, status: 202, operation });
    return showOperation(operation);
  });
}

/** Contract 7: nor one that is being restored, nor one under a hold. */
async function refuseNeeded(ports: Ports, backup: BackupItem): Promise<void> {
  const { id } = backup;
  if (backup.held) throw isHeld(backup); // guard: backup-held
  if (backup.operation !== undefined) {
    throw new ProductError('OperationInProgress', `The backup ${id} is ${backup.state}.`, {
      value: backup.state,
      about: { backup: id, operation: backup.operation },
      hint: 'Wait for the operation to end, then repeat the call.',
    });
  }
  const users = await liveBackupUsers(ports, backup);
  if (users.length > 0) throw isUsed(backup, users); // guard: backup-in-use
}

function isHeld({ id, holdReason }: BackupItem): ProductError {
  const why = holdReason === undefined ? '' : `: ${holdReason}`;
  return new ProductError('BackupHeld', `The backup ${id} is under a hold${why}.`, {
    value: id,
    hint: `End the hold first: hivemind backup release ${id}.`,
  });
}

function isUsed({ id }: BackupItem, users: readonly string[]): ProductError {
  return new ProductError('BackupInUse', `The backup ${id} is needed by ${users.join(' and ')}.`, {
    value: id,
    about: { users: users.join(',') },
    hint: 'Wait until that is done, then repeat the call.',
  });
}

async function underWay(ports: Ports, backup: BackupItem): Promise<OperationAnswer> {
  const operation =
    backup.operation === undefined ? undefined : await ports.table.readOperation(backup.operation);
  if (operation !== undefined) return showOperation(operation);
  throw new ProductError('BackupNotFound', `The backup ${backup.id} is being removed.`, { value: backup.id });
}
