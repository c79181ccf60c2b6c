import { randomUUID } from 'node:crypto';
import type {
  DescribeCopyJobInput,
  DescribeCopyJobOutput,
  StartCopyJobInput,
  StartCopyJobOutput,
} from '@aws-sdk/client-backup';
import { type Call, type Cloud, delayOf, nowIso } from '../cloud.ts';
import type { BackupVault, CopyJob } from '../state/entities.ts';
import type { View } from '../state/store.ts';
import { emitCopyEvent } from './backup-events.ts';
import { backupErrors, checkRole } from './errors.ts';
import { copyPoint } from './folders.ts';
import { pointInVault } from './recovery-points.ts';
import { vaultArn, vaultOf } from './vaults.ts';

/** Called in the source's Region; the destination's vault is named. */
export async function startCopyJob(
  cloud: Cloud,
  call: Call,
  input: StartCopyJobInput,
): Promise<StartCopyJobOutput> {
  const { IdempotencyToken: token, RecoveryPointArn: arn = '' } = input;
  const before = cloud.store
    .list('copyJobs')
    .find((job) => job.region === call.region && token !== undefined && job.token === token);
  if (before && (before.sourceArn !== arn || before.targetVaultArn !== input.DestinationBackupVaultArn))
    throw backupErrors.invalid('The idempotency token was used for another copy');
  const job = before ?? newCopy(cloud, call, input);
  cloud.store.put('copyJobs', job.id, job);
  await cloud.store.commit();
  if (!before) continueCopyLater(cloud, job.id, delayOf(cloud, call, 'backup'));
  return { CopyJobId: job.id, CreationDate: new Date(job.creationTime), IsParent: false };
}

function newCopy(cloud: Cloud, call: Call, input: StartCopyJobInput): CopyJob {
  const { SourceBackupVaultName: BackupVaultName, RecoveryPointArn, IdempotencyToken: token } = input;
  const point = pointInVault(cloud.store, call, { BackupVaultName, RecoveryPointArn });
  if (point.status !== 'COMPLETED')
    throw backupErrors.refused(`Recovery point ${point.arn} is ${point.status}`);
  const target = vaultOfArn(cloud.store, call, input.DestinationBackupVaultArn ?? '');
  return {
    id: randomUUID().toUpperCase(),
    region: call.region,
    sourceArn: point.arn,
    sourceVaultArn: vaultArn(call, point.vaultName),
    targetRegion: target.region,
    targetVault: target.name,
    targetVaultArn: input.DestinationBackupVaultArn ?? '',
    targetArn: `arn:aws:backup:${target.region}:${call.account}:recovery-point:${randomUUID()}`,
    iamRoleArn: checkRole(input.IamRoleArn),
    creationTime: nowIso(),
    state: 'CREATED',
    token,
  };
}

function vaultOfArn(view: View, { account }: Call, arn: string): BackupVault {
  const [, region = '', name = ''] =
    new RegExp(`^arn:aws[-a-z]*:backup:([-a-z0-9]+):${account}:backup-vault:([-_a-zA-Z0-9]+)$`).exec(arn) ??
    [];
  if (name === '')
    throw backupErrors.invalid(`Invalid vault ARN ${arn}: expected a backup vault of this account`);
  return vaultOf(view, { region }, name);
}

/** CREATED, RUNNING while files are copied, COMPLETED with a recovery point in the other vault or FAILED without one. */
export function continueCopyLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(id, delayMs, async () => {
    const job = cloud.store.get('copyJobs', id);
    if (job?.state !== 'CREATED' && job?.state !== 'RUNNING') return;
    cloud.store.patch('copyJobs', id, { state: 'RUNNING' });
    await cloud.store.commit();
    const end = await copy(cloud, job);
    const done = cloud.store.patch('copyJobs', id, { ...end, completionTime: nowIso() });
    if (done) emitCopyEvent(cloud, done);
    await cloud.store.commit();
  });
}

/** A copy is as old as what it is made from, and has its tags. */
async function copy(cloud: Cloud, job: CopyJob): Promise<Pick<CopyJob, 'state' | 'message' | 'sizeInBytes'>> {
  try {
    const source = cloud.store.get('recoveryPoints', job.sourceArn);
    if (!source) return { state: 'FAILED', message: `Recovery point ${job.sourceArn} is gone` };
    await copyPoint(cloud, source.arn, job.targetArn);
    const { targetArn: arn, targetRegion: region, targetVault: vaultName, iamRoleArn } = job;
    const own = { arn, region, vaultName, iamRoleArn, completionTime: nowIso() };
    cloud.store.put('recoveryPoints', arn, { ...source, ...own, status: 'COMPLETED' });
    return { state: 'COMPLETED', sizeInBytes: source.sizeInBytes };
  } catch (error) {
    return { state: 'FAILED', message: String(error) };
  }
}

export async function describeCopyJob(
  _: Cloud,
  call: Call,
  input: DescribeCopyJobInput,
): Promise<DescribeCopyJobOutput> {
  const job = call.view.get('copyJobs', input.CopyJobId ?? '');
  if (job?.region !== call.region) throw backupErrors.notFound(`Copy job ${input.CopyJobId ?? ''}`);
  return await Promise.resolve({ CopyJob: describe(call, job) });
}

function describe(call: Call, job: CopyJob): NonNullable<DescribeCopyJobOutput['CopyJob']> {
  return {
    AccountId: call.account,
    CopyJobId: job.id,
    SourceBackupVaultArn: job.sourceVaultArn,
    SourceRecoveryPointArn: job.sourceArn,
    DestinationBackupVaultArn: job.targetVaultArn,
    // AWS names it when it is there.
    DestinationRecoveryPointArn: job.state === 'COMPLETED' ? job.targetArn : undefined,
    ResourceArn: call.view.get('recoveryPoints', job.sourceArn)?.resourceArn,
    ResourceType: 'EFS',
    CreationDate: new Date(job.creationTime),
    CompletionDate: job.completionTime === undefined ? undefined : new Date(job.completionTime),
    State: job.state,
    StatusMessage: job.message,
    BackupSizeInBytes: job.sizeInBytes,
    IamRoleArn: job.iamRoleArn,
    IsParent: false,
  };
}
