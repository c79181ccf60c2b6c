import { askTask, claimBacking, createBackup as createWrites } from '#shared/aws/table/backup-writes.ts';
import { check } from '#shared/aws/table/writes.ts';
import type { BackupKind, CreateBackup } from '#shared/model/backup.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { decideBackup, newBackup } from '#shared/model/rules-backup.ts';
import {
  chooseConsistency,
  chooseForFiles,
  type ChosenConsistency,
} from '#shared/model/rules-consistency.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { findVolume } from '#functions/volumes/find.ts';
import { commit, newOperation, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { priorOperation } from './answer.ts';
import { archiveTask, planArchiveBackup, refuseArchiveOptions, type ArchivePlan } from './archive-backup.ts';

/**
 * Begins a backup of a volume: by its driver's own means, or as files with restic.
 * @throws ProductError VolumeNotFound; NotSupported, IllegalState, OperationInProgress of {@link decideBackup}; IllegalState
 *   without a host that could read the files; InvalidInput, NotSupported of {@link chooseConsistency}.
 */
export async function createBackup(ports: Ports, call: Call, request: Request): Promise<OperationAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return priorOperation(ports, prior);
    const record = await findVolume(ports, call.namespace, request.volume);
    const kind = decideBackup(record, request.engine);
    const cut = kind === 'archive' ? chooseForFiles(request) : chooseConsistency(record.volume, request);
    if (kind !== 'archive') refuseArchiveOptions(request, kind);
    const plan = kind === 'archive' ? await planArchiveBackup(ports, record, request) : undefined;
    return begin(ports, call, { record, request, kind, cut, plan });
  });
}

type Request = CreateBackup & {
  readonly volume: string;
  /** Default: somebody asked for it by hand. */
  readonly origin?: 'policy';
  /** The policy whose run makes it. */
  readonly policy?: string;
  /** Backups of one run may share what AWS makes. @default each is made alone */
  readonly run?: string;
};

interface Decided {
  readonly record: VolumeRecord;
  readonly request: Request;
  readonly kind: BackupKind;
  readonly cut: ChosenConsistency;
  /** Of files. */
  readonly plan: ArchivePlan | undefined;
}

async function begin(ports: Ports, call: Call, decided: Decided): Promise<OperationAnswer> {
  const { record, request, kind, cut, plan } = decided;
  const { volume } = record;
  const backupId = `bak-${ports.newId()}`;
  const parts = {
    kind: 'backup',
    driver: 'backup',
    backup: backupId,
    message: plan === undefined ? 'Waiting to be made' : `Waiting for ${plan.hostId} to read the files`,
    ...(plan === undefined ? {} : { host: plan.hostId }),
  } as const;
  const operation = newOperation(ports, call, { volume, parts });
  const backup = newBackup(record, {
    id: backupId,
    origin: request.origin ?? 'manual',
    policy: request.policy,
    kind,
    storage: plan?.storage,
    cut,
    description: request.description,
    caller: call.caller.arn,
    region: ports.settings.region,
    now: ports.clock(),
    operation: operation.id,
    ...(request.run === undefined ? {} : { run: request.run }),
  });
  const since = operation.createdAt;
  const backing = { volumeId: volume.id, backupId, operationId: operation.id, since };
  const asked = plan === undefined ? [] : askTask(archiveTask(record, operation, { backupId, plan }));
  const writes = [check('volume', volume), claimBacking(backing), ...createWrites(backup), ...asked];
  const wake = plan === undefined ? [] : [plan.hostId];
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation, wake });
  return showOperation(operation);
}
