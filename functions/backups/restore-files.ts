import { createVolume, startOperation } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import type { RestoreBackup } from '#shared/model/backup.ts';
import type { BackupItem, LeaseItem, OperationItem, VolumeItem } from '#shared/model/items.ts';
import { checkOptions } from '#shared/model/rules-options.ts';
import { isSingleWriter } from '#shared/model/rules-use.ts';
import type { VolumeState } from '#shared/model/states.ts';
import { driverTraits } from '#shared/model/volume.ts';
import { chooseHost } from '#functions/transfers/choose-host.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { commit, newOperation } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { liveBackupUsers } from './backup-users.ts';

interface FilesRestore {
  readonly backup: BackupItem;
  readonly request: Pick<RestoreBackup, 'host' | 'options'>;
  /** The volume as a restore makes it. */
  readonly volume: VolumeItem;
}

/**
 * Makes a volume like the one that was backed up, and has a host restore the files into it. Until they are there nobody
 * else may have it.
 * @throws ProductError InvalidInput for an option; IllegalState without a host that could write the files
 */
export async function restoreFiles(
  ports: Ports,
  call: Call,
  { backup, request, volume: like }: FilesRestore,
): Promise<OperationAnswer> {
  const options = { ...like.options, ...request.options };
  checkOptions({ options, type: like.type }, like.driver, like.filesystem);
  const made: VolumeItem = { ...like, options, state: stateAtBirth(like) };
  const facts = { volume: made, lease: undefined, attachments: [], observations: [] };
  const { host } = await chooseHost(ports, facts, request.host);
  const message = `Waiting for ${host.id} to restore the files`;
  const parts = {
    kind: 'restoreFiles',
    driver: 'backup',
    backup: backup.id,
    host: host.id,
    message,
  } as const;
  const operation = newOperation(ports, call, { volume: made, parts });
  const creation = creationOf(ports, call, made);
  const owner = creation === undefined ? {} : { operation: creation.id };
  const volume: VolumeItem = { ...made, ...owner, filling: operation.id };
  const users = [...(await liveBackupUsers(ports, backup)), operation.id];
  const writes = [
    ...createVolume(volume, leaseOf(volume)),
    replace('backup', backup, { ...backup, users, updatedAt: operation.createdAt }), // guard: restic-restore-uses-backup
    ...(creation === undefined ? [] : startOperation(creation)),
  ];
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation });
  if (creation !== undefined) await start(ports, creation);
  return showOperation(operation);
}

/** Without a zone its place is the host's, as at any first attach. */
function stateAtBirth({ driver, availabilityZone }: VolumeItem): VolumeState {
  if (driverTraits[driver].storage === 'none') return 'available';
  return driver === 'ebs' && availabilityZone === undefined ? 'unplaced' : 'creating';
}

/** Of what is made in AWS: an operation of its own, as for any new volume. */
function creationOf(ports: Ports, call: Call, volume: VolumeItem): OperationItem | undefined {
  if (volume.state !== 'creating') return undefined;
  const own = { ...call, idempotencyKey: undefined };
  return newOperation(ports, own, { volume, parts: { kind: 'create', message: 'Waiting to be created' } });
}

/** Contract 1: it has no filesystem yet, and gets one like any new volume; the files come after that. */
function leaseOf({ id, driver, filesystem, createdAt }: VolumeItem): LeaseItem | undefined {
  if (!isSingleWriter(driver)) return undefined;
  const blank = { state: 'blank', type: filesystem ?? 'ext4' } as const;
  return { volumeId: id, epoch: 0, inUse: false, filesystem: blank, updatedAt: createdAt };
}

/** One that fails is the sweeper's to repeat. */
async function start({ workflow, log }: Ports, operation: OperationItem): Promise<void> {
  await workflow.start(operation).catch((error: unknown) => {
    log.warn('operation not started yet', { operation: operation.id, error });
  });
}
