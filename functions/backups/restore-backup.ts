import { createVolume } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, LeaseItem, VolumeItem } from '#shared/model/items.ts';
import type { RestoreBackup } from '#shared/model/backup.ts';
import {
  showOperation,
  showUnderWay,
  type Mutation,
  type OperationAnswer,
} from '#functions/volumes/answer.ts';
import { commit, newOperation, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { findBackup, priorOperation } from './answer.ts';
import { liveBackupUsers } from './backup-users.ts';

type Request = RestoreBackup & { readonly backup: string };

/**
 * Begins to restore a backup to a new volume: with the type, size, labels and options that are on the backup. The same
 * request again, while that volume is being made, gives its operation.
 * @throws ProductError BackupNotFound; IllegalState of a backup that is not complete; NameTaken; InvalidInput for a zone.
 */
export async function restoreBackup(ports: Ports, call: Call, request: Request): Promise<Mutation> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return priorOperation(ports, prior);
    const backup = await findBackup(ports, call.namespace, request.backup);
    const snapshotId = restorable(backup);
    const name = request.name ?? backup.volume;
    const existing = await ports.table.readVolumeByName(call.namespace, name);
    if (existing !== undefined) return repeated(ports, existing.volume, backup);
    return begin(ports, call, {
      backup,
      snapshotId,
      volume: volumeOf(ports, call, { backup, request, name, snapshotId }),
    });
  });
}

/** The snapshot of a backup that is complete. @throws ProductError IllegalState; NotSupported for another Region's */
export function restorable(backup: BackupItem): string {
  const { id, state, storage } = backup;
  if (state === 'available' && storage !== undefined) return storage.snapshotId;
  throw new ProductError('IllegalState', `The backup ${id} is ${state}.`, {
    value: state,
    about: { backup: id },
    hint: 'Restore one that is available: hivemind backup ls.',
  });
}

function repeated(ports: Ports, volume: VolumeItem, { id }: BackupItem): Promise<Mutation> {
  if (volume.madeFrom?.backupId === id && volume.state === 'creating') return showUnderWay(ports, volume);
  throw new ProductError('NameTaken', `"${volume.name}" is the name of another volume.`, {
    value: volume.name,
    about: { volumeId: volume.id },
    hint: 'Restore to another name.',
  });
}

interface Restore {
  readonly backup: BackupItem;
  readonly snapshotId: string;
  readonly volume: VolumeItem;
}

interface Wanted {
  readonly backup: BackupItem;
  readonly request: Request;
  readonly name: string;
  readonly snapshotId: string;
}

function volumeOf(ports: Ports, call: Call, { backup, request, name, snapshotId }: Wanted): VolumeItem {
  const now = ports.clock().toISOString();
  const { format: _format, ...spec } = backup.source;
  const availabilityZone = zoneOf(ports, request.availabilityZone ?? spec.availabilityZone);
  return {
    ...spec,
    availabilityZone,
    id: `vol-${ports.newId()}`,
    name,
    namespace: call.namespace,
    state: 'creating',
    protected: false,
    hosts: [],
    revision: 1,
    attempt: 1,
    purge: false,
    madeFrom: { backupId: backup.id, snapshotId },
    createdAt: now,
    updatedAt: now,
    createdBy: call.caller.arn,
  };
}

function zoneOf({ settings }: Ports, zone: string | undefined): string {
  if (zone !== undefined && zone.slice(0, -1) === settings.region) return zone;
  throw new ProductError('InvalidInput', `A volume is restored in a zone of ${settings.region}.`, {
    value: zone ?? null,
    allowed: `a zone of ${settings.region}, such as ${settings.region}a`,
  });
}

async function begin(ports: Ports, call: Call, { backup, volume }: Restore): Promise<OperationAnswer> {
  const message = `Waiting to be restored from ${backup.id}`;
  const operation = newOperation(ports, call, {
    volume,
    parts: { kind: 'create', backup: backup.id, message },
  });
  const users = [...(await liveBackupUsers(ports, backup)), volume.id];
  const writes = [
    ...createVolume({ ...volume, operation: operation.id }, restoredLease(volume, backup)),
    replace('backup', backup, { ...backup, users, updatedAt: operation.createdAt }),
  ];
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation });
  return showOperation(operation);
}

/** Contract 1: what is restored has its filesystem, and never gets a format ticket. */
function restoredLease({ id, createdAt }: VolumeItem, { source }: BackupItem): LeaseItem {
  const { format } = source;
  const filesystem = format.state === 'formatted' ? { ...format, mounted: true } : format; // guard: restored-no-ticket off: const filesystem = { state: 'blank', type: 'ext4' } as const;
  return { volumeId: id, epoch: 0, inUse: false, filesystem, updatedAt: createdAt };
}
