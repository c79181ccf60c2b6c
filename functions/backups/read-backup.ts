import { create } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import { parseBackupPath, type BrowseBackup, type ReadForm } from '#shared/model/extract.ts';
import type { BackupItem, MadeFrom, OperationItem } from '#shared/model/items.ts';
import { chooseDrillHost, noDrillHost, type ScratchUse } from '#shared/model/rules-drill.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { commit, newOperation, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { findBackup, priorOperation } from './answer.ts';
import { readArchive } from './read-archive.ts';
import { transferOf, useBackup } from './read-parts.ts';
import { restorable } from './restore-backup.ts';
import { candidateHosts, clonable, scratchOf, scratchWrites, type Scratch } from './scratch.ts';

type Request = BrowseBackup & { readonly backup: string };

/** How each of the two calls is told and stored. */
const uses: Readonly<Record<ReadForm, ScratchUse>> = { listing: 'browse', content: 'extract' };

/** Begins to list a directory of a backup; then it is fetched like an export. @throws ProductError as {@link extractBackup} */
export async function browseBackup(ports: Ports, call: Call, request: Request): Promise<OperationAnswer> {
  return read(ports, call, { ...request, form: 'listing' });
}

/**
 * Begins to read a file or a directory of a backup: from a scratch volume that is made from it and that a host mounts (of a
 * recovery point: a directory that AWS Backup restores beside the volume's), of an archive from its repository. Then it is
 * fetched like an export.
 * @throws ProductError PathRefused; BackupNotFound; NotSupported in another Region; IllegalState of a backup that is not
 *   complete, or whose volume was never formatted; HostNotFound without a host that can read it.
 */
export async function extractBackup(ports: Ports, call: Call, request: Request): Promise<OperationAnswer> {
  return read(ports, call, { ...request, form: 'content' });
}

async function read(
  ports: Ports,
  call: Call,
  { backup: id, path, host: asked, form }: Request & { readonly form: ReadForm },
): Promise<OperationAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return priorOperation(ports, prior);
    parseBackupPath(path);
    const backup = await findBackup(ports, call.namespace, id);
    if (backup.kind === 'archive')
      return readArchive(ports, call, { backup, host: asked, read: { path, form } });
    const madeFrom = readable(ports, backup);
    const host = chooseDrillHost(await candidateHosts(ports, call, asked), backup, {
      now: ports.clock(),
    });
    if (host === undefined) throw noHost(backup, asked);
    return begin(ports, call, { backup, host, madeFrom, use: uses[form], read: { path, form } });
  });
}

function readable(ports: Ports, backup: BackupItem): MadeFrom {
  return backup.kind === 'recovery-point'
    ? restorable(backup, ports.settings.region)
    : clonable(ports, backup, 'cannot be read');
}

async function begin(
  ports: Ports,
  call: Call,
  { read: wanted, ...scratch }: Scratch & Required<Pick<OperationItem, 'read'>>,
): Promise<OperationAnswer> {
  const { backup, host, use } = scratch;
  const volume = scratchOf(ports, call, scratch);
  const message = `Waiting to be restored from ${backup.id}`;
  const driver = backup.source.driver === 'ebs' ? 'ebs' : 'efs';
  const about = { kind: use, driver, backup: backup.id, host: host.id, epoch: 1, message } as const;
  const operation: OperationItem = { ...newOperation(ports, call, { volume, parts: about }), read: wanted };
  const writes = [
    ...scratchWrites({ ...volume, operation: operation.id }, scratch),
    create('transfer', transferOf(operation, backup)),
    await useBackup(ports, backup, operation), // guard: extract-uses-backup
  ];
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation });
  return showOperation(operation);
}

function noHost(backup: BackupItem, asked: string | undefined): ProductError {
  const { code, detail, hint } = noDrillHost(backup, asked, 'Or restore the backup to a new volume.');
  return new ProductError(code, detail, { value: asked ?? backup.namespace, hint });
}
