import { claimBacking } from '#shared/aws/table/backup-writes.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { VolumeItem } from '#shared/model/items.ts';
import {
  decideRestore,
  incomingOf,
  type Restorable,
  type RestoreDecision,
} from '#shared/model/rules-restore.ts';
import { isSingleWriter } from '#shared/model/rules-use.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { askStates } from '#functions/volumes/find.ts';
import { handBack, handedBackBy, shedIdle } from '#functions/volumes/hand-back.ts';
import { checkIfMatch } from '#functions/volumes/if-match.ts';
import { commit, newOperation } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { liveBackupUsers } from './backup-users.ts';

type Operate = Extract<RestoreDecision, { kind: 'operate' }>;

/**
 * Begins to put a backup in the place of what a volume has. What it holds now is kept as a backup first, whose id is in the
 * answer (`guard`); a blank volume has nothing to keep. A network volume's directory goes to a deleted volume (`kept`).
 * @throws ProductError of {@link decideRestore}; StaleRevision when If-Match names another revision of the volume
 */
export async function restoreInPlace(
  ports: Ports,
  call: Call,
  subject: { readonly record: VolumeRecord; readonly restore: Restorable },
): Promise<OperationAnswer> {
  const { restore } = subject;
  checkIfMatch(subject.record.volume, call.ifMatch);
  const decision = await decide(ports, subject.record, restore);
  const record = await shedIdle(ports, subject.record);
  const { volume, attachments } = record;
  const { backup } = restore;
  const operation = newOperation(ports, call, {
    volume,
    parts: { ...partsOf(ports, record, decision), backup: backup.id },
  });
  const { id, guard, createdAt } = operation;
  const next: VolumeItem = {
    ...volume,
    state: 'restoring',
    // Contract 4: an EC2 client token of its own.
    attempt: volume.attempt + 1,
    incoming: incomingOf(volume, restore),
    operation: id,
    updatedAt: createdAt,
  };
  const users = [...(await liveBackupUsers(ports, backup)), id];
  const backing = { volumeId: volume.id, operationId: id, since: createdAt };
  await commit(ports, call, {
    writes: [
      replace('volume', volume, next),
      ...handBack(record, { waits: decision.waits, now: createdAt }),
      replace('backup', backup, { ...backup, users, updatedAt: createdAt }),
      ...(guard === undefined ? [] : [claimBacking({ ...backing, backupId: guard })]),
    ],
    subject: volume.id,
    status: 202,
    operation,
    wake: attachments.map(({ hostId }) => hostId),
  });
  return showOperation(operation);
}

function partsOf(ports: Ports, { volume, attachments }: VolumeRecord, { waits, guarded }: Operate) {
  const [holder] = attachments;
  return {
    kind: 'restore',
    message: waits ? 'Waiting for its containers to stop' : 'Waiting to be restored',
    host: holder?.hostId,
    fromHost: holder?.hostId,
    waitUntil: handedBackBy(ports.clock()),
    ...(guarded ? { guard: `bak-${ports.newId()}` } : {}),
    ...(isSingleWriter(volume.driver) ? {} : { kept: `vol-${ports.newId()}` }),
  } as const;
}

async function decide(ports: Ports, record: VolumeRecord, restore: Restorable): Promise<Operate> {
  const decision = decideRestore(record, restore);
  if (decision.kind !== 'ask') return decision;
  const informed = decideRestore(record, restore, await askStates(ports, decision.hosts));
  if (informed.kind !== 'ask') return informed;
  throw new ProductError('Unavailable', 'EC2 does not say whether the holder is stopped.');
}
