import { claimBacking, createBackup as createWrites } from '#shared/aws/table/backup-writes.ts';
import { check } from '#shared/aws/table/writes.ts';
import type { CreateBackup } from '#shared/model/backup.ts';
import { decideBackup, newBackup } from '#shared/model/rules-backup.ts';
import { chooseConsistency } from '#shared/model/rules-consistency.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { findVolume } from '#functions/volumes/find.ts';
import { commit, newOperation, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { priorOperation } from './answer.ts';

/**
 * Begins a backup of a volume by its driver's own means.
 * @throws ProductError VolumeNotFound; NotSupported, IllegalState, OperationInProgress of {@link decideBackup};
 *   InvalidInput, NotSupported of {@link chooseConsistency}.
 */
export async function createBackup(
  ports: Ports,
  call: Call,
  request: CreateBackup & {
    readonly volume: string;
    /** Default: somebody asked for it by hand. */
    readonly origin?: 'policy';
    /** The policy whose run makes it. */
    readonly policy?: string;
    /** Backups of one run may share what AWS makes. @default each is made alone */
    readonly run?: string;
  },
): Promise<OperationAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return priorOperation(ports, prior);
    const record = await findVolume(ports, call.namespace, request.volume);
    decideBackup(record);
    const { volume } = record;
    const backupId = `bak-${ports.newId()}`;
    const parts = {
      kind: 'backup',
      driver: 'backup',
      backup: backupId,
      message: 'Waiting to be made',
    } as const;
    const operation = newOperation(ports, call, { volume, parts });
    const backup = newBackup(record, {
      id: backupId,
      origin: request.origin ?? 'manual',
      policy: request.policy,
      cut: chooseConsistency(volume, request),
      description: request.description,
      caller: call.caller.arn,
      region: ports.settings.region,
      now: ports.clock(),
      operation: operation.id,
      ...(request.run === undefined ? {} : { run: request.run }),
    });
    const since = operation.createdAt;
    const backing = { volumeId: volume.id, backupId, operationId: operation.id, since };
    const writes = [check('volume', volume), claimBacking(backing), ...createWrites(backup)];
    await commit(ports, call, { writes, subject: volume.id, status: 202, operation });
    return showOperation(operation);
  });
}
