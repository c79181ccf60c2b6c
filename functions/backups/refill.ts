import { claimBacking, createBackup } from '#shared/aws/table/backup-writes.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { changeAttachment } from '#shared/aws/table/volume-writes.ts';
import { replace, type Write } from '#shared/aws/table/writes.ts';
import type { RestoreBackup } from '#shared/model/backup.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { newBackup } from '#shared/model/rules-backup.ts';
import { decideRefill, type Refill } from '#shared/model/rules-refill.ts';
import type { RestoreDecision } from '#shared/model/rules-restore.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { askStates } from '#functions/volumes/find.ts';
import { handedBackBy } from '#functions/volumes/hand-back.ts';
import { checkIfMatch } from '#functions/volumes/if-match.ts';
import { commit, newOperation } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { planArchiveBackup, type ArchivePlan } from './archive-backup.ts';
import { liveBackupUsers } from './backup-users.ts';

interface Subject {
  readonly record: VolumeRecord;
  readonly backup: BackupItem;
  readonly request: Pick<RestoreBackup, 'availabilityZone' | 'force' | 'host'> &
    Partial<Pick<RestoreBackup, 'options'>>;
}

/**
 * Begins to put the files of an archive in the place of those that a volume has. What it holds becomes an archive first,
 * whose id is in the answer (`guard`). From here on no use of the volume begins but that of the host that does all this.
 * @throws ProductError of {@link decideRefill}; IllegalState without a host that could do it; StaleRevision when If-Match
 *   names another revision of the volume; InvalidInput for options
 */
export async function refillInPlace(ports: Ports, call: Call, subject: Subject): Promise<OperationAnswer> {
  const { record, backup, request } = subject;
  const { volume } = record;
  checkIfMatch(volume, call.ifMatch);
  refuseOptions(request);
  const { waits, guarded } = await decide(ports, subject);
  refuseUnnamedHost(record, request.host);
  const plan = await planArchiveBackup(ports, record, { host: request.host });
  const parts = {
    kind: 'restoreFiles',
    driver: 'backup',
    backup: backup.id,
    host: plan.hostId,
    message: waits ? 'Waiting for its containers to stop' : `Waiting for ${plan.hostId} to restore the files`,
    waitUntil: handedBackBy(ports.clock()),
    ...(guarded ? { guard: `bak-${ports.newId()}` } : {}),
  } as const;
  const operation = newOperation(ports, call, { volume, parts });
  const { id, createdAt } = operation;
  const users = [...(await liveBackupUsers(ports, backup)), id];
  const writes = [
    replace('volume', volume, { ...volume, filling: id, updatedAt: createdAt }),
    ...loseUsesThatBegin(record),
    replace('backup', backup, { ...backup, users, updatedAt: createdAt }),
    ...guardWrites(ports, subject, { operation, plan }),
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

async function decide(ports: Ports, { record, backup, request }: Subject) {
  const { filling } = record.volume;
  const last = filling === undefined ? undefined : await ports.table.readOperation(filling);
  const refill: Refill = {
    backup,
    availabilityZone: request.availabilityZone,
    force: request.force ?? false,
    leftUnfilled: last === undefined || isFinished(last.status),
  };
  const decision: RestoreDecision = decideRefill(record, refill);
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

interface Guarded {
  readonly operation: OperationItem;
  readonly plan: ArchivePlan;
}

/** The backup of what is there, before it is made, and the claim to make it; nothing of a volume that is blank. */
function guardWrites(ports: Ports, { record, backup }: Subject, { operation, plan }: Guarded): Write[] {
  const { id: operationId, guard, caller, createdAt: since } = operation;
  if (guard === undefined) return [];
  const made = newBackup(record, {
    id: guard,
    origin: 'guard',
    kind: 'archive',
    storage: plan.storage,
    cut: { consistency: 'none' },
    description: `What ${record.volume.name} held before ${backup.id} was restored in its place`,
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

/** A volume keeps what it is; only a new one has options of its own. */
function refuseOptions({ options = {} }: Subject['request']): void {
  if (Object.keys(options).length === 0) return;
  throw new ProductError('InvalidInput', 'A restore in place keeps the options of its volume.', {
    value: Object.keys(options).join(', '),
    allowed: 'leave them out',
    hint: 'Restore to another name for other options.',
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
