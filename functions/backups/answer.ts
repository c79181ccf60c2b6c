import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, ReceiptItem } from '#shared/model/items.ts';
import type { Backup } from '#shared/model/backup.ts';
import { viewBackup } from '#shared/model/rules-backup.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { refuseStale } from '#functions/volumes/if-match.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';

export interface BackupAnswer {
  readonly status: 200;
  readonly body: Backup;
  readonly headers: Readonly<Record<string, string>>;
}

/** A backup as it was read. */
export function showBackup(backup: BackupItem): BackupAnswer {
  return { status: 200, body: viewBackup(backup), headers: { etag: `"${backup.revision}"` } };
}

/** Answers a repeated request from the live operation. @throws ProductError OperationNotFound after its 90 days */
export async function priorOperation(ports: Ports, receipt: ReceiptItem): Promise<OperationAnswer> {
  const operation = await ports.table.readOperation(receipt.operationId);
  if (operation !== undefined) return showOperation(operation);
  throw new ProductError('OperationNotFound', 'The operation of this request is forgotten.', {
    value: receipt.operationId,
  });
}

/** A backup of the namespace. @throws ProductError BackupNotFound */
export async function findBackup(ports: Ports, namespace: string, id: string): Promise<BackupItem> {
  const backup = await ports.table.readBackup(id);
  if (backup !== undefined && backup.namespace === namespace) return backup;
  throw new ProductError('BackupNotFound', `There is no backup "${id}" in namespace "${namespace}".`, {
    value: id,
    hint: 'List the backups: hivemind backup ls.',
  });
}

/** @throws ProductError StaleRevision when If-Match was sent and names another revision of the backup. */
export function checkBackupMatch({ id, revision }: BackupItem, { ifMatch }: Call): void {
  refuseStale({ called: id, revision, about: { backup: id } }, ifMatch);
}
