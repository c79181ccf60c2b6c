import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { replace } from '#shared/aws/table/writes.ts';
import type { RestoreBackup } from '#shared/model/backup.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem } from '#shared/model/items.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { checkIfMatch } from '#functions/volumes/if-match.ts';
import { commit, newOperation } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { liveBackupUsers } from './backup-users.ts';
import { planReplacement, replacementParts, replacementWrites } from './replace-files.ts';

interface Subject {
  readonly record: VolumeRecord;
  readonly backup: BackupItem;
  readonly request: Pick<RestoreBackup, 'availabilityZone' | 'force' | 'host'> &
    Partial<Pick<RestoreBackup, 'options'>>;
}

/**
 * Begins to put the files of an archive in the place of those that a volume has. What it holds becomes an archive first,
 * whose id is in the answer (`guard`). From here on no use of the volume begins but that of the host that does all this.
 * @throws ProductError of {@link planReplacement}; StaleRevision when If-Match names another revision of the volume;
 *   InvalidInput for options
 */
export async function refillInPlace(ports: Ports, call: Call, subject: Subject): Promise<OperationAnswer> {
  const { record, backup, request } = subject;
  const { volume } = record;
  checkIfMatch(volume, call.ifMatch);
  refuseOptions(request);
  const { availabilityZone, force = false, host } = request;
  const refill = { backup, availabilityZone, force };
  const replacement = await planReplacement(ports, { record, refill, host });
  const parts = { kind: 'restoreFiles', backup: backup.id, ...replacementParts(ports, replacement) } as const;
  const operation = newOperation(ports, call, { volume, parts });
  const { id, createdAt } = operation;
  const users = [...(await liveBackupUsers(ports, backup)), id];
  const writes = [
    ...replacementWrites(ports, record, { operation, plan: replacement.plan, by: backup.id }),
    replace('backup', backup, { ...backup, users, updatedAt: createdAt }),
  ];
  await commit(ports, call, {
    writes,
    subject: volume.id,
    status: 202,
    operation,
    wake: record.attachments.map(({ hostId }) => hostId),
  });
  return showOperation(operation);
}

/** A volume keeps what it is; only a new one has options of its own. */
function refuseOptions({ options = {} }: Subject['request']): void {
  if (Object.keys(options).length === 0) return;
  throw new ProductError('InvalidInput', 'A restore in place keeps the options of its volume.', {
    value: Object.keys(options).join(', '),
    allowed: 'leave them out',
    hint: 'Restore to another name for other options.',
  });
}
