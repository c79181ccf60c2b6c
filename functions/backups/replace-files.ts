import { claimBacking, createBackup } from '#shared/aws/table/backup-writes.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { changeAttachment } from '#shared/aws/table/volume-writes.ts';
import { replace, type Write } from '#shared/aws/table/writes.ts';
import type { RestoreBackup } from '#shared/model/backup.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { OperationItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { newBackup } from '#shared/model/rules-backup.ts';
import { decideRefill, type Refill } from '#shared/model/rules-refill.ts';
import { askStates } from '#functions/volumes/find.ts';
import { handedBackBy } from '#functions/volumes/hand-back.ts';
import type { Ports } from '#functions/volumes/ports.ts';
import { planArchiveBackup, type ArchivePlan } from './archive-backup.ts';

/** A volume whose files are to be replaced, and with what. */
export interface Replacing {
  readonly record: VolumeRecord;
  readonly refill: Omit<Refill, 'leftUnfilled'>;
  /** The host that shall do it. */
  readonly host: string | undefined;
}

export interface Replacement {
  readonly plan: ArchivePlan;
  /** Somebody still uses it: it is waited for. */
  readonly waits: boolean;
  /** It may hold something, which is kept as a backup first. */
  readonly guarded: boolean;
}

/**
 * How the files of a volume are replaced, and by which host. Changes nothing.
 * @throws ProductError of {@link decideRefill}; IllegalState without a host that could do it, or with several for a directory
 */
export async function planReplacement(
  ports: Ports,
  { record, refill, host }: Replacing,
): Promise<Replacement> {
  const { waits, guarded } = await decide(ports, record, refill);
  refuseUnnamedHost(record, host);
  return { waits, guarded, plan: await planArchiveBackup(ports, record, { host }) };
}

/** What any operation has that replaces files. */
export function replacementParts({ clock, newId }: Ports, { plan, waits, guarded }: Replacement) {
  return {
    driver: 'backup',
    host: plan.hostId,
    message: waits ? 'Waiting for its containers to stop' : `Waiting for ${plan.hostId} to restore the files`,
    waitUntil: handedBackBy(clock()),
    ...(guarded ? { guard: `bak-${newId()}` } : {}),
  } as const;
}

interface Begun {
  readonly operation: OperationItem;
  readonly plan: ArchivePlan;
  /** What comes in the place of the files, in words. */
  readonly by: string;
}

/**
 * From here on no use of the volume begins but that of the host that replaces its files, and the backup of what is there is
 * claimed and on record.
 */
export function replacementWrites(ports: Ports, record: VolumeRecord, begun: Begun): Write[] {
  const { volume } = record;
  const { id: filling, createdAt: updatedAt } = begun.operation;
  return [
    replace('volume', volume, { ...volume, filling, updatedAt }),
    ...loseUsesThatBegin(record),
    ...guardWrites(ports, record, begun),
  ];
}

async function decide(
  ports: Ports,
  record: VolumeRecord,
  wanted: Replacing['refill'],
): Promise<Pick<Replacement, 'waits' | 'guarded'>> {
  const { filling } = record.volume;
  const last = filling === undefined ? undefined : await ports.table.readOperation(filling);
  const refill: Refill = { ...wanted, leftUnfilled: last === undefined || isFinished(last.status) };
  const decision = decideRefill(record, refill);
  if (decision.kind !== 'ask') return decision;
  const informed = decideRefill(record, refill, await askStates(ports, decision.hosts));
  if (informed.kind !== 'ask') return informed;
  throw new ProductError('Unavailable', 'EC2 does not say whether the holder is stopped.');
}

/** A host that says in this moment that it uses the volume loses, reads again, and is refused. */
function loseUsesThatBegin({ lease, attachments }: VolumeRecord): Write[] {
  return [
    ...(lease === undefined ? [] : [replace('lease', lease, lease)]),
    ...attachments.flatMap((item) => changeAttachment(item, item)),
  ];
}

/** The backup of what is there, before it is made, and the claim to make it; nothing of a volume that is blank. */
function guardWrites(ports: Ports, record: VolumeRecord, { operation, plan, by }: Begun): Write[] {
  const { id: operationId, guard, caller, createdAt: since } = operation;
  if (guard === undefined) return [];
  const made = newBackup(record, {
    id: guard,
    origin: 'guard',
    kind: 'archive',
    storage: plan.storage,
    cut: { consistency: 'none' },
    description: `What ${record.volume.name} held before ${by} was restored in its place`,
    caller,
    region: ports.settings.region,
    now: ports.clock(),
    operation: operationId,
  });
  return [
    claimBacking({ volumeId: record.volume.id, backupId: guard, operationId, since }),
    ...createBackup({ ...made, users: [operationId] }),
  ];
}

/** What it would wait for is nothing that a restore to a new or empty volume has. @throws ProductError InvalidInput */
export function refuseIdleForce({ force, inPlace }: Pick<RestoreBackup, 'force' | 'inPlace'>): void {
  if (force !== true || inPlace === true) return;
  throw new ProductError('InvalidInput', '"force" is for a restore in place alone.', {
    value: true,
    allowed: 'together with "inPlace": true',
    issues: [{ path: 'force', message: 'needs inPlace' }],
    hint: 'Leave it out to restore to a new volume; add inPlace to replace what a volume of that name holds.',
  });
}

/** A directory is each host's own: which one is replaced is nothing to guess. */
function refuseUnnamedHost({ volume, attachments }: VolumeRecord, host: string | undefined): void {
  if (volume.driver !== 'bind' || host !== undefined || attachments.length < 2) return;
  throw new ProductError('IllegalState', `"${volume.name}" is a directory of each of several hosts.`, {
    value: volume.name,
    allowed: attachments.map(({ hostId }) => hostId).join(', '),
    hint: 'Name the host: --host ID.',
  });
}
