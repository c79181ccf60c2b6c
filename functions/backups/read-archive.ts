import { askTask } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { create } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, HostItem, OperationItem, TaskItem } from '#shared/model/items.ts';
import type { ReadForm } from '#shared/model/extract.ts';
import { chooseReader, noReader } from '#shared/model/rules-drill.ts';
import { archiveMetadataOf } from '#shared/model/rules-transfer.ts';
import { newTask } from '#functions/transfers/exports.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { commit, newOperation } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { transferOf, useBackup } from './read-parts.ts';
import { restorable } from './restore-backup.ts';
import { candidateHosts } from './scratch.ts';

interface Wanted {
  readonly backup: BackupItem;
  /** The host that is asked for. */
  readonly host: string | undefined;
  readonly read: { readonly path: string; readonly form: ReadForm };
}

/**
 * Has a host read something of a backup as files, straight from its repository: no volume is made.
 * @throws ProductError IllegalState of a backup that is not complete; HostNotFound without a host that can read it
 */
export async function readArchive(
  ports: Ports,
  call: Call,
  { backup, host: asked, read }: Wanted,
): Promise<OperationAnswer> {
  restorable(backup, ports.settings.region);
  const host = await readerOf(ports, call, { backup, asked });
  const volume = await ports.table.read('volume', keys.volume(backup.volumeId));
  if (volume === undefined)
    throw new ProductError('Internal', `The volume record of backup ${backup.id} is gone.`, {
      value: backup.volumeId,
    });
  const message = `Waiting for ${host.id} to read the backup`;
  const kind = read.form === 'listing' ? 'browse' : 'extract';
  const about = { kind, driver: 'backup', backup: backup.id, host: host.id, message } as const;
  const operation: OperationItem = { ...newOperation(ports, call, { volume, parts: about }), read };
  const writes = [
    create('transfer', transferOf(operation, backup)),
    ...askTask(taskOf(operation, { backup, hostId: host.id })),
    await useBackup(ports, backup, operation), // guard: archive-read-uses-backup
  ];
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation, wake: [host.id] });
  return showOperation(operation);
}

async function readerOf(
  ports: Ports,
  call: Call,
  { backup, asked }: { readonly backup: BackupItem; readonly asked: string | undefined },
): Promise<HostItem> {
  const hosts = await candidateHosts(ports, call, asked);
  const host = chooseReader(hosts, backup, { now: ports.clock() });
  if (host !== undefined) return host;
  const { code, detail, hint } = noReader(backup, asked);
  throw new ProductError(code, detail, { value: asked ?? backup.namespace, hint });
}

interface Asked {
  readonly backup: BackupItem;
  readonly hostId: string;
}

function taskOf(
  { id: operationId, createdAt: at, volumeId, read }: OperationItem,
  { backup, hostId }: Asked,
): TaskItem {
  const { storage } = backup;
  if (storage?.kind !== 'archive' || storage.snapshot === undefined || read === undefined)
    throw new ProductError('BackupNotFound', `The backup ${backup.id} has no snapshot.`, {
      value: backup.id,
    });
  return {
    ...newTask({ operationId, hostId, volumeId, at }),
    kind: 'read-archive',
    // It touches no volume.
    epoch: 0,
    backupId: backup.id,
    repository: storage.repository,
    path: storage.path,
    snapshotId: storage.snapshot.snapshotId,
    wanted: read.path,
    form: read.form,
    metadata: archiveMetadataOf(backup),
  };
}
