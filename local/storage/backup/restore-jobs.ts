import { randomUUID } from 'node:crypto';
import type {
  DescribeRestoreJobInput,
  DescribeRestoreJobOutput,
  ListRestoreJobsInput,
  ListRestoreJobsOutput,
  StartRestoreJobInput,
  StartRestoreJobOutput,
} from '@aws-sdk/client-backup';
import * as z from 'zod';
import { type Call, type Cloud, delayOf, newId, nowIso } from '../cloud.ts';
import { makeFileSystem } from '../efs/folders.ts';
import { arnOf, restPage } from '../efs/lookup.ts';
import type { RestoreJob } from '../state/entities.ts';
import { emitRestoreEvent } from './backup-events.ts';
import { backupErrors } from './errors.ts';
import { copyIn } from './folders.ts';
import { recoveryPointOf } from './recovery-points.ts';

/** Restore metadata of EFS, as AWS Backup documents it. */
const metadataSchema = z.object({
  'file-system-id': z.string().min(1),
  newFileSystem: z.enum(['true', 'false']).default('false'),
  Encrypted: z.enum(['true', 'false']).optional(),
  KmsKeyId: z.string().optional(),
  PerformanceMode: z.enum(['generalPurpose', 'maxIO']).default('generalPurpose'),
  CreationToken: z.string().optional(),
  itemsToRestore: z
    .string()
    .default('[]')
    .transform((text, context): string[] => {
      const items = itemsIn(text);
      if (!items)
        context.addIssue({
          code: 'custom',
          message: 'itemsToRestore must be a JSON list of up to 5 absolute paths',
        });
      return items ?? [];
    }),
});

type Metadata = z.infer<typeof metadataSchema>;

function itemsIn(text: string): string[] | undefined {
  try {
    return z
      .array(z.string().regex(/^\/(?!.*(^|\/)\.\.(\/|$))/))
      .max(5)
      .parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function readMetadata(raw: Readonly<Record<string, string>> | undefined): Metadata {
  const parsed = metadataSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw backupErrors.invalid(`Invalid restore metadata. ${z.prettifyError(parsed.error)}`);
}

export async function startRestoreJob(
  cloud: Cloud,
  call: Call,
  input: StartRestoreJobInput,
): Promise<StartRestoreJobOutput> {
  const before = cloud.store
    .list('restoreJobs')
    .find(
      ({ token, region }) =>
        region === call.region && token !== undefined && token === input.IdempotencyToken,
    );
  if (before) return { RestoreJobId: before.id };
  const point = recoveryPointOf(cloud.store, call, input.RecoveryPointArn);
  if (point.status !== 'COMPLETED')
    throw backupErrors.refused(`Recovery point ${point.arn} is ${point.status}`);
  const metadata = readMetadata(input.Metadata);
  if (
    metadata.newFileSystem === 'false' &&
    cloud.store.get('fileSystems', metadata['file-system-id'])?.region !== call.region
  ) {
    throw backupErrors.invalid(`File system ${metadata['file-system-id']} does not exist`);
  }
  const job = cloud.store.put('restoreJobs', ...record(newJob(call, input)));
  await cloud.store.commit();
  continueRestoreLater(cloud, job.id, delayOf(cloud, call, 'restore'));
  return { RestoreJobId: job.id };
}

const record = (job: RestoreJob): [string, RestoreJob] => [job.id, job];

function newJob(call: Call, input: StartRestoreJobInput): RestoreJob {
  return {
    id: randomUUID().toUpperCase(),
    region: call.region,
    recoveryPointArn: input.RecoveryPointArn ?? '',
    iamRoleArn:
      input.IamRoleArn ?? `arn:aws:iam::${call.account}:role/service-role/AWSBackupDefaultServiceRole`,
    // A new file system's id is fixed now, so that a crash in between makes no second one.
    metadata: { ...input.Metadata, 'new-id': newId('fs') },
    creationTime: nowIso(),
    state: 'PENDING',
    token: input.IdempotencyToken,
  };
}

/** PENDING, RUNNING while files are copied into their directory, then COMPLETED or FAILED. */
export function continueRestoreLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(id, delayMs, async () => {
    const job = cloud.store.get('restoreJobs', id);
    if (job?.state !== 'PENDING' && job?.state !== 'RUNNING') return;
    cloud.store.patch('restoreJobs', id, { state: 'RUNNING' });
    await cloud.store.commit();
    const end = await restore(cloud, job);
    const done = cloud.store.patch('restoreJobs', id, { ...end, completionTime: nowIso() });
    if (done) emitRestoreEvent(cloud, done);
    await cloud.store.commit();
  });
}

async function restore(cloud: Cloud, job: RestoreJob): Promise<Partial<RestoreJob>> {
  try {
    const metadata = readMetadata(job.metadata);
    const fileSystemId =
      metadata.newFileSystem === 'true'
        ? await newFileSystem(cloud, job, metadata)
        : metadata['file-system-id'];
    // AWS Backup never writes over what is there: every restore has a directory of its own.
    const directory = directoryOf(job);
    const lost = await copyIn(cloud, {
      arn: job.recoveryPointArn,
      fileSystemId,
      directory,
      items: metadata.itemsToRestore,
    });
    const createdResourceArn = arnOf(
      { region: job.region, account: cloud.settings.account },
      'file-system',
      fileSystemId,
    );
    if (lost.length > 0)
      return {
        state: 'FAILED',
        message: `Not in the recovery point: ${lost.join(', ')}`,
        createdResourceArn,
      };
    return { state: 'COMPLETED', createdResourceArn };
  } catch (error) {
    return { state: 'FAILED', message: String(error) };
  }
}

/** UTC with nanoseconds, as AWS has named it since 2025: no answer of the API says it, nor can it be derived from one. */
function directoryOf({ id, creationTime }: RestoreJob): string {
  const below = (Number.parseInt(id.slice(0, 8), 16) % 1_000_000).toString().padStart(6, '0');
  return `aws-backup-restore_${creationTime.replaceAll(/[:.]/g, '-').replace('Z', `${below}Z`)}`;
}

async function newFileSystem(cloud: Cloud, job: RestoreJob, metadata: Metadata): Promise<string> {
  const id = job.metadata['new-id'] ?? '';
  await makeFileSystem(cloud, id);
  cloud.store.put('fileSystems', id, {
    id,
    region: job.region,
    tags: [],
    creationToken: metadata.CreationToken ?? job.id,
    creationTime: nowIso(),
    state: 'available',
    performanceMode: metadata.PerformanceMode,
    throughputMode: 'bursting',
    encrypted: metadata.Encrypted === 'true',
    kmsKeyId: metadata.KmsKeyId,
    backup: false,
    lifecycle: [],
    protection: 'ENABLED',
  });
  await cloud.store.commit();
  return id;
}

export async function describeRestoreJob(
  _: Cloud,
  call: Call,
  input: DescribeRestoreJobInput,
): Promise<DescribeRestoreJobOutput> {
  const job = call.view.get('restoreJobs', input.RestoreJobId ?? '');
  if (job?.region !== call.region) throw backupErrors.notFound(`Restore job ${input.RestoreJobId ?? ''}`);
  return await Promise.resolve(describe(call, job));
}

export async function listRestoreJobs(
  _: Cloud,
  call: Call,
  input: ListRestoreJobsInput,
): Promise<ListRestoreJobsOutput> {
  const all = call.view
    .list('restoreJobs')
    .filter(
      ({ region, state }) =>
        region === call.region && (input.ByStatus === undefined || input.ByStatus === state),
    );
  const { items, next } = restPage({
    items: all,
    key: ({ id }) => id,
    most: input.MaxResults,
    token: input.NextToken,
    query: [call.region, input.ByStatus],
  });
  return await Promise.resolve({ RestoreJobs: items.map((job) => describe(call, job)), NextToken: next });
}

function describe(call: Call, job: RestoreJob) {
  const point = call.view.get('recoveryPoints', job.recoveryPointArn);
  return {
    AccountId: call.account,
    RestoreJobId: job.id,
    RecoveryPointArn: job.recoveryPointArn,
    SourceResourceArn: point?.resourceArn,
    CreationDate: new Date(job.creationTime),
    CompletionDate: job.completionTime === undefined ? undefined : new Date(job.completionTime),
    Status: job.state,
    StatusMessage: job.message,
    PercentDone: job.state === 'COMPLETED' ? '100.00%' : '0.00%',
    BackupSizeInBytes: point?.sizeInBytes,
    IamRoleArn: job.iamRoleArn,
    CreatedResourceArn: job.createdResourceArn,
    ResourceType: 'EFS',
  };
}
