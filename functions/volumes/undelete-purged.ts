import { unbury } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, VolumeItem } from '#shared/model/items.ts';
import { madeFromOf } from '#shared/model/rules-backup.ts';
import { showOperation, type OperationAnswer } from './answer.ts';
import { commit, newOperation } from './intent.ts';
import type { Call, Ports } from './ports.ts';

/**
 * The backup that a volume whose storage is freed comes back from; undefined while its storage is there.
 * @throws ProductError UndoExpired when that backup is gone or not complete
 */
export async function finalBackupOf(
  { table }: Ports,
  { name, id, state, finalBackup }: VolumeItem,
): Promise<BackupItem | undefined> {
  if (state !== 'purged') return undefined;
  const backup = finalBackup === undefined ? undefined : await table.readBackup(finalBackup);
  if (backup?.state === 'available' && backup.storage !== undefined) return backup;
  throw new ProductError('UndoExpired', `The storage of "${name}" has been freed.`, {
    value: name,
    about: { volumeId: id },
    hint: 'Its final backup is gone. Look for others: hivemind backup ls.',
  });
}

interface Return {
  readonly volume: VolumeItem;
  readonly name: string;
  readonly final: BackupItem;
}

/** The same volume again, with storage made from its final backup. */
export async function bringBack(
  ports: Ports,
  call: Call,
  { volume, name, final }: Return,
): Promise<OperationAnswer> {
  const message = `Waiting to be made again from ${final.id}`;
  const parts = { kind: 'create', backup: final.id, message } as const;
  const operation = newOperation(ports, call, { volume: { ...volume, name }, parts });
  const next: VolumeItem = {
    ...volume,
    name,
    state: 'creating',
    attempt: volume.attempt + 1,
    createdInAwsAt: undefined,
    madeFrom: madeFromOf(final),
    operation: operation.id,
    purge: false,
    deletedAt: undefined,
    purgeAt: undefined,
    updatedAt: operation.createdAt,
  };
  const users = [...new Set([...final.users, volume.id])];
  const used = replace('backup', final, { ...final, users, updatedAt: operation.createdAt });
  await commit(ports, call, {
    writes: [...unbury(volume, next), used],
    subject: volume.id,
    status: 202,
    operation,
  });
  return showOperation(operation);
}
