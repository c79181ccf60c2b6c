import { createScratch } from '#shared/aws/table/backup-writes.ts';
import { keys, partitions } from '#shared/aws/table/keys.ts';
import type { HostRecord } from '#shared/aws/table/records.ts';
import { startOperation } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import type { DrillBackup } from '#shared/model/drill.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, LeaseItem, MadeFrom, OperationItem, VolumeItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { chooseDrillHost, noDrillHost, scratchName, type DrillHost } from '#shared/model/rules-drill.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { findHost } from '#functions/volumes/find.ts';
import { commit, newOperation, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { findBackup, priorOperation } from './answer.ts';
import { liveBackupUsers } from './backup-users.ts';
import { restorable } from './restore-backup.ts';

type Request = DrillBackup & { readonly backup: string };

/**
 * Begins to prove that a backup restores: to a scratch volume, which a host looks into. Without a host that can, the drill
 * ends at once, as overdue.
 * @throws ProductError BackupNotFound; IllegalState of a backup that is not complete, or whose volume was never formatted;
 *   OperationInProgress while it is drilled; HostNotFound.
 */
export async function drillBackup(ports: Ports, call: Call, request: Request): Promise<OperationAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return priorOperation(ports, prior);
    const backup = await findBackup(ports, call.namespace, request.backup);
    const madeFrom = drillable(backup);
    const users = await liveBackupUsers(ports, backup);
    await refuseSecond(ports, backup, users);
    const host = chooseDrillHost(await candidates(ports, call, request), backup, ports.clock());
    return host === undefined
      ? overdue(ports, call, { backup, request })
      : begin(ports, call, { backup, request, users, host, madeFrom });
  });
}

/** @throws ProductError NotSupported of what is no block device; IllegalState of what is not complete, or never was formatted */
function drillable(backup: BackupItem): MadeFrom {
  const { id, kind, source } = backup;
  if (kind !== 'snapshot')
    throw new ProductError('NotSupported', `The backup ${id} is ${kind}: it has no drill in this release.`, {
      value: kind,
      allowed: 'snapshots of local volumes',
      hint: 'Restore it to a new volume and look at it.',
    });
  if (source.format.state === 'formatted') return restorable(backup);
  throw new ProductError('IllegalState', `The backup ${id} holds no filesystem.`, {
    value: source.format.state,
    about: { backup: id },
  });
}

/** One at a time: a second one would say nothing new. */
async function refuseSecond(ports: Ports, { id }: BackupItem, users: readonly string[]): Promise<void> {
  for (const user of users.filter((one) => one.startsWith('op-'))) {
    const operation = await ports.table.readOperation(user);
    if (operation?.kind !== 'drill' || isFinished(operation.status)) continue;
    throw new ProductError('OperationInProgress', `A drill of ${id} is under way.`, {
      value: id,
      about: { backup: id, operation: user },
      hint: 'Wait for it to end, then repeat the call.',
    });
  }
}

/** Hosts of the namespace; only the one that is asked for where there is one. @throws ProductError HostNotFound */
async function candidates(ports: Ports, { namespace }: Call, { host }: Request): Promise<DrillHost[]> {
  if (host !== undefined) return [toCandidate(await findHost(ports, namespace, host))];
  const { items } = await ports.table.list('hostIndex', { pk: partitions.hosts(namespace), limit: 200 });
  const found: DrillHost[] = [];
  for (const { hostId } of items) {
    const record = await ports.table.readHost(hostId);
    if (record !== undefined) found.push(toCandidate(record));
  }
  return found;
}

function toCandidate({ host, seen, attachments }: HostRecord): DrillHost {
  const slotsUsed = attachments.filter(
    ({ device, actual }) => device !== undefined || actual === 'attaching',
  );
  return { host, seenAt: seen?.at ?? host.lastSeenAt, slotsUsed: slotsUsed.length };
}

/** Nothing is made: the record says that it could not be tried. */
async function overdue(
  ports: Ports,
  call: Call,
  { backup, request }: { backup: BackupItem; request: Request },
): Promise<OperationAnswer> {
  const volume = await ports.table.read('volume', keys.volume(backup.volumeId));
  if (volume === undefined)
    throw new ProductError('Internal', `The volume record of backup ${backup.id} is gone.`, {
      value: backup.volumeId,
    });
  const failure = noDrillHost(backup, request.host);
  const parts = { kind: 'drill', driver: 'ebs', backup: backup.id, message: failure.detail } as const;
  const begun = newOperation(ports, call, { volume, parts });
  const at = begun.createdAt;
  const operation: OperationItem = { ...begun, status: 'failed', error: failure, finishedAt: at };
  const { detail } = failure;
  const drill = { at, outcome: 'overdue', detail, operation: operation.id, seconds: 0 } as const;
  const writes = [
    replace('backup', backup, { ...backup, drill, updatedAt: at }),
    ...startOperation(operation),
  ];
  await commit(ports, call, { writes, subject: backup.volumeId, status: 202 });
  return showOperation(operation);
}

interface Beginning {
  readonly backup: BackupItem;
  readonly request: Request;
  readonly users: readonly string[];
  readonly host: DrillHost['host'];
  readonly madeFrom: MadeFrom;
}

async function begin(ports: Ports, call: Call, parts: Beginning): Promise<OperationAnswer> {
  const { backup, request, users, host } = parts;
  const volume = scratchOf(ports, call, parts);
  const message = `Waiting to be restored from ${backup.id}`;
  const about = {
    kind: 'drill',
    driver: 'ebs',
    backup: backup.id,
    host: host.id,
    epoch: 1,
    message,
  } as const;
  const operation: OperationItem = {
    ...newOperation(ports, call, { volume, parts: about }),
    ...(request.check === undefined ? {} : { check: request.check }),
  };
  const used = { ...backup, users: [...users, operation.id], updatedAt: operation.createdAt };
  const writes = [
    ...createScratch({ ...volume, operation: operation.id }, leaseOf(volume, { backup, host })),
    replace('backup', backup, used), // guard: drill-uses-backup
  ];
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation });
  return showOperation(operation);
}

/** Under no name in any listing: nobody but the drill may find it. */
function scratchOf(ports: Ports, call: Call, { backup, host, madeFrom }: Beginning): VolumeItem {
  const now = ports.clock().toISOString();
  const { format: _format, ...spec } = backup.source;
  const id = `vol-${ports.newId()}`;
  return {
    ...spec,
    id,
    name: scratchName(id),
    namespace: call.namespace,
    availabilityZone: host.availabilityZone,
    labels: { 'hivemind-drill': backup.id },
    description: `Scratch volume of a drill of ${backup.id}`,
    state: 'creating',
    readOnly: false,
    protected: false,
    hosts: [],
    revision: 1,
    attempt: 1,
    purge: true,
    madeFrom,
    createdAt: now,
    updatedAt: now,
    createdBy: call.caller.arn,
  };
}

/** Contract 1: what is restored has its filesystem, and never gets a format ticket. */
function leaseOf(
  { id, createdAt }: VolumeItem,
  { backup, host }: Pick<Beginning, 'backup' | 'host'>,
): LeaseItem {
  const { format } = backup.source;
  if (format.state !== 'formatted')
    throw new ProductError('IllegalState', `The backup ${backup.id} holds no filesystem.`, {
      value: format.state,
    });
  const filesystem = { ...format, mounted: true };
  return { volumeId: id, epoch: 1, holder: host.id, inUse: false, filesystem, updatedAt: createdAt };
}
