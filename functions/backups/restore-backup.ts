import { createVolume } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, LeaseItem, MadeFrom, VolumeItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { madeFromOf } from '#shared/model/rules-backup.ts';
import { refuseElsewhere } from '#shared/model/rules-copy.ts';
import { isSingleWriter } from '#shared/model/rules-use.ts';
import { driverTraits, type Driver } from '#shared/model/volume.ts';
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
import { refillInPlace } from './refill.ts';
import { refuseIdleForce } from './replace-files.ts';
import { restoreInPlace } from './restore-in-place.ts';
import { restoreFiles } from './restore-files.ts';

type Request = Omit<RestoreBackup, 'options'> &
  Partial<Pick<RestoreBackup, 'options'>> & { readonly backup: string };

/**
 * Begins to restore a backup to a new volume: with the type, size, labels and options that are on the backup. The same
 * request again, while that volume is being made, gives its operation. With `inPlace` the volume may be there.
 * @throws ProductError BackupNotFound; IllegalState of a backup that is not complete; NotSupported of one in another Region; NameTaken; InvalidInput
 *   for a zone; and those of {@link restoreInPlace}.
 */
export async function restoreBackup(ports: Ports, call: Call, request: Request): Promise<Mutation> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return priorOperation(ports, prior);
    refuseIdleForce(request);
    const backup = await findBackup(ports, call.namespace, request.backup);
    const madeFrom = restorable(backup, ports.settings.region);
    const name = request.name ?? backup.volume;
    const existing = await ports.table.readVolumeByName(call.namespace, name);
    if (existing !== undefined && request.inPlace === true && !isBeingMade(existing.volume, backup)) {
      if (backup.kind === 'archive') return refillInPlace(ports, call, { record: existing, backup, request });
      const { availabilityZone, force = false } = request;
      const restore = { backup, madeFrom, availabilityZone, force };
      return restoreInPlace(ports, call, { record: existing, restore });
    }
    if (existing !== undefined) return repeated(ports, existing.volume, backup);
    const volume = volumeOf(ports, call, { backup, request, name, madeFrom });
    const { host, options = {} } = request;
    if (backup.kind === 'archive')
      return restoreFiles(ports, call, { backup, volume, request: { host, options } });
    refuseFileOptions({ host, options }, backup);
    return begin(ports, call, { backup, volume });
  });
}

/** What a volume is made from, of a backup that is complete and here. @throws ProductError IllegalState; NotSupported */
export function restorable(backup: BackupItem, home: string): MadeFrom {
  refuseElsewhere(backup, home);
  const { id, state } = backup;
  const madeFrom = madeFromOf(backup);
  if (madeFrom !== undefined) return madeFrom;
  throw new ProductError('IllegalState', `The backup ${id} is ${state}.`, {
    value: state,
    about: { backup: id },
    hint: 'Restore one that is available: hivemind backup ls.',
  });
}

function isBeingMade({ madeFrom, state }: VolumeItem, { id }: BackupItem): boolean {
  return madeFrom?.backupId === id && state === 'creating';
}

/** What only files have. @throws ProductError InvalidInput */
function refuseFileOptions(
  { host, options }: Pick<RestoreBackup, 'host' | 'options'>,
  backup: BackupItem,
): void {
  if (host === undefined && Object.keys(options).length === 0) return;
  const value = host === undefined ? 'options' : 'host';
  throw new ProductError(
    'InvalidInput',
    `${backup.id} is a ${backup.kind}: its restore takes no "${value}".`,
    {
      value,
      allowed: 'with a backup of kind archive',
      hint: 'Leave it out.',
    },
  );
}

async function repeated(ports: Ports, volume: VolumeItem, backup: BackupItem): Promise<Mutation> {
  const { filling } = volume;
  const fills = filling === undefined ? undefined : await ports.table.readOperation(filling);
  if (fills?.backup === backup.id && !isFinished(fills.status)) return showOperation(fills);
  if (isBeingMade(volume, backup)) return showUnderWay(ports, volume);
  throw new ProductError('NameTaken', `"${volume.name}" is the name of another volume.`, {
    value: volume.name,
    about: { volumeId: volume.id },
    hint: 'Restore to another name, or in its place (inPlace): what it holds is then kept as a backup.',
  });
}

interface Restore {
  readonly backup: BackupItem;
  readonly volume: VolumeItem;
}

interface Wanted {
  readonly backup: BackupItem;
  readonly request: Request;
  readonly name: string;
  readonly madeFrom: MadeFrom;
}

function volumeOf(ports: Ports, call: Call, { backup, request, name, madeFrom }: Wanted): VolumeItem {
  const now = ports.clock().toISOString();
  const { format: _format, ...spec } = backup.source;
  const asked = request.availabilityZone ?? spec.availabilityZone;
  // Files go wherever their host is.
  const free = backup.kind === 'archive' && asked === undefined;
  const availabilityZone = free ? undefined : zoneOf(ports, spec.driver, asked);
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
    madeFrom,
    createdAt: now,
    updatedAt: now,
    createdBy: call.caller.arn,
  };
}

function zoneOf({ settings }: Ports, driver: Driver, zone: string | undefined): string | undefined {
  if (!driverTraits[driver].zoned) return undefined;
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
  const lease = isSingleWriter(volume.driver) ? restoredLease(volume, backup) : undefined;
  const writes = [
    ...createVolume({ ...volume, operation: operation.id }, lease),
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
