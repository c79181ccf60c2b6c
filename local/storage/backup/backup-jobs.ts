import { randomUUID } from 'node:crypto';
import type {
  BackupJob as Described,
  DescribeBackupJobInput,
  ListBackupJobsInput,
  ListBackupJobsOutput,
  StartBackupJobInput,
  StartBackupJobOutput,
} from '@aws-sdk/client-backup';
import { type Call, type Cloud, delayOf, nowIso } from '../cloud.ts';
import { restPage } from '../efs/lookup.ts';
import type { BackupJob, FileSystem } from '../state/entities.ts';
import { emitBackupEvent } from './backup-events.ts';
import { backupErrors, checkRole } from './errors.ts';
import { copyOut } from './folders.ts';
import { vaultArn, vaultOf } from './vaults.ts';

export async function startBackupJob(
  cloud: Cloud,
  call: Call,
  input: StartBackupJobInput,
): Promise<StartBackupJobOutput> {
  const vault = vaultOf(cloud.store, call, input.BackupVaultName);
  const before = cloud.store
    .list('backupJobs')
    .find(
      ({ token, region }) =>
        region === call.region && token !== undefined && token === input.IdempotencyToken,
    );
  if (before && before.resourceArn !== input.ResourceArn)
    throw backupErrors.invalid('The idempotency token was used for another resource');
  if (!before) protectedFileSystem(cloud, call, input.ResourceArn ?? '');
  const iamRoleArn = checkRole(input.IamRoleArn);
  const job: BackupJob = before ?? {
    id: randomUUID().toUpperCase(),
    region: call.region,
    vaultName: vault.name,
    recoveryPointArn: `arn:aws:backup:${call.region}:${call.account}:recovery-point:${randomUUID()}`,
    resourceArn: input.ResourceArn ?? '',
    iamRoleArn,
    creationTime: nowIso(),
    state: 'CREATED',
    token: input.IdempotencyToken,
    tags: { ...input.RecoveryPointTags },
  };
  cloud.store.put('backupJobs', job.id, job);
  await cloud.store.commit();
  if (!before) continueBackupLater(cloud, job.id, delayOf(cloud, call, 'backup'));
  return {
    BackupJobId: job.id,
    RecoveryPointArn: job.recoveryPointArn,
    CreationDate: new Date(job.creationTime),
    IsParent: false,
  };
}

/** The service keeps backups of EFS file systems only. */
function protectedFileSystem(cloud: Cloud, call: Call, arn: string): FileSystem {
  const id = new RegExp(
    `^arn:aws[-a-z]*:elasticfilesystem:${call.region}:${call.account}:file-system/(fs-[0-9a-f]+)$`,
  ).exec(arn)?.[1];
  if (id === undefined)
    throw backupErrors.invalid(
      `Invalid resource ARN ${arn}: expected an EFS file system of this Region and account`,
    );
  const fileSystem = cloud.store.get('fileSystems', id);
  if (fileSystem?.state !== 'available') throw backupErrors.notFound(`Resource ${arn}`);
  return fileSystem;
}

/** CREATED, RUNNING while files are copied, COMPLETED with a recovery point or FAILED without one. */
export function continueBackupLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(id, delayMs, async () => {
    const job = cloud.store.get('backupJobs', id);
    if (job?.state !== 'CREATED' && job?.state !== 'RUNNING') return;
    cloud.store.patch('backupJobs', id, { state: 'RUNNING' });
    await cloud.store.commit();
    const end = await copy(cloud, job);
    const done = cloud.store.patch('backupJobs', id, { ...end, completionTime: nowIso() });
    if (done) emitBackupEvent(cloud, done);
    await cloud.store.commit();
  });
}

async function copy(
  cloud: Cloud,
  job: BackupJob,
): Promise<Pick<BackupJob, 'state' | 'message' | 'sizeInBytes'>> {
  try {
    const sizeInBytes = await copyOut(cloud, job.resourceArn.replace(/^.*\//, ''), job.recoveryPointArn);
    const { region, vaultName, resourceArn, iamRoleArn, creationTime, tags } = job;
    const arn = job.recoveryPointArn;
    cloud.store.put('recoveryPoints', arn, {
      arn,
      region,
      vaultName,
      resourceArn,
      iamRoleArn,
      creationTime,
      completionTime: nowIso(),
      status: 'COMPLETED',
      sizeInBytes,
      tags,
    });
    return { state: 'COMPLETED', sizeInBytes };
  } catch (error) {
    return { state: 'FAILED', message: String(error) };
  }
}

export async function describeBackupJob(
  _: Cloud,
  call: Call,
  input: DescribeBackupJobInput,
): Promise<Described> {
  const job = call.view.get('backupJobs', input.BackupJobId ?? '');
  if (job?.region !== call.region) throw backupErrors.notFound(`Backup job ${input.BackupJobId ?? ''}`);
  return await Promise.resolve(describe(call, job));
}

export async function listBackupJobs(
  _: Cloud,
  call: Call,
  input: ListBackupJobsInput,
): Promise<ListBackupJobsOutput> {
  const { ByState: state, ByResourceArn: resource, ByBackupVaultName: vault } = input;
  const fits = (job: BackupJob): boolean =>
    job.region === call.region &&
    (state === undefined || job.state === state) &&
    (resource === undefined || job.resourceArn === resource) &&
    (vault === undefined || job.vaultName === vault);
  const { items, next } = restPage({
    items: call.view.list('backupJobs').filter(fits),
    key: ({ id }) => id,
    most: input.MaxResults,
    token: input.NextToken,
    query: [call.region, state, resource, vault],
  });
  return await Promise.resolve({ BackupJobs: items.map((job) => describe(call, job)), NextToken: next });
}

function describe(call: Call, job: BackupJob): Described {
  return {
    AccountId: call.account,
    BackupJobId: job.id,
    BackupVaultName: job.vaultName,
    BackupVaultArn: vaultArn(call, job.vaultName),
    RecoveryPointArn: job.recoveryPointArn,
    ResourceArn: job.resourceArn,
    ResourceType: 'EFS',
    CreationDate: new Date(job.creationTime),
    CompletionDate: job.completionTime === undefined ? undefined : new Date(job.completionTime),
    State: job.state,
    StatusMessage: job.message,
    PercentDone: job.state === 'COMPLETED' ? '100.0' : '0.0',
    BackupSizeInBytes: job.sizeInBytes,
    BytesTransferred: job.sizeInBytes,
    IamRoleArn: job.iamRoleArn,
    IsParent: false,
  };
}
