import { partitions } from '#shared/aws/table/keys.ts';
import { createScratch } from '#shared/aws/table/backup-writes.ts';
import type { HostRecord } from '#shared/aws/table/records.ts';
import type { Write } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, HostItem, LeaseItem, MadeFrom, VolumeItem } from '#shared/model/items.ts';
import { scratchName, type DrillHost, type ScratchUse } from '#shared/model/rules-drill.ts';
import { isSingleWriter } from '#shared/model/rules-use.ts';
import { driverTraits } from '#shared/model/volume.ts';
import { findHost } from '#functions/volumes/find.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { restorable } from './restore-backup.ts';

/**
 * What a scratch volume is made from.
 * @throws ProductError NotSupported of what is no block device, or in another Region; IllegalState of what is not complete, or never was formatted
 */
export function clonable(
  { settings }: Pick<Ports, 'settings'>,
  backup: BackupItem,
  cannot: string,
): MadeFrom {
  const { id, kind, source } = backup;
  if (kind !== 'snapshot')
    throw new ProductError('NotSupported', `The backup ${id} is ${kind}: it ${cannot} in this release.`, {
      value: kind,
      allowed: 'snapshots of local volumes',
      hint: 'Restore it to a new volume and look at it.',
    });
  if (source.format.state === 'formatted') return restorable(backup, settings.region);
  throw new ProductError('IllegalState', `The backup ${id} holds no filesystem.`, {
    value: source.format.state,
    about: { backup: id },
  });
}

/** Hosts of the namespace; only the one that is asked for where there is one. @throws ProductError HostNotFound */
export async function candidateHosts(
  ports: Ports,
  { namespace }: Call,
  host: string | undefined,
): Promise<DrillHost[]> {
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

export interface Scratch {
  readonly backup: BackupItem;
  readonly host: HostItem;
  readonly madeFrom: MadeFrom;
  readonly use: ScratchUse;
}

/** Under no name in any listing: nobody but its operation may find it. */
export function scratchOf(ports: Ports, call: Call, { backup, host, madeFrom, use }: Scratch): VolumeItem {
  const now = ports.clock().toISOString();
  const { format: _format, backups: _backups, ...spec } = backup.source;
  const id = `vol-${ports.newId()}`;
  return {
    ...spec,
    id,
    name: scratchName(id, use),
    namespace: call.namespace,
    availabilityZone: driverTraits[spec.driver].zoned ? host.availabilityZone : undefined,
    labels: { [`hivemind-${use}`]: backup.id },
    description: `Scratch volume of a ${use} of ${backup.id}`,
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

/** The volume, with its lease where one host alone may have it. Contract 1: what is restored has its filesystem, and never gets a format ticket. */
export function scratchWrites(
  volume: VolumeItem,
  { backup, host }: Pick<Scratch, 'backup' | 'host'>,
): Write[] {
  if (!isSingleWriter(volume.driver)) return createScratch(volume, undefined);
  const { format } = backup.source;
  if (format.state !== 'formatted')
    throw new ProductError('IllegalState', `The backup ${backup.id} holds no filesystem.`, {
      value: format.state,
    });
  const filesystem = { ...format, mounted: true };
  const { id: volumeId, createdAt: updatedAt } = volume;
  const lease: LeaseItem = { volumeId, epoch: 1, holder: host.id, inUse: false, filesystem, updatedAt };
  return createScratch(volume, lease);
}
