import {
  BackupClient,
  DeleteRecoveryPointCommand,
  DescribeBackupJobCommand,
  DescribeCopyJobCommand,
  DescribeRecoveryPointCommand,
  DescribeRestoreJobCommand,
  ListTagsCommand,
  paginateListRecoveryPointsByBackupVault,
  StartBackupJobCommand,
  StartCopyJobCommand,
  StartRestoreJobCommand,
} from '@aws-sdk/client-backup';
import { doing, unlessCode } from '../ec2/calls.ts';
import { awsCode, translateAwsError } from '../ec2/errors.ts';
import { refuseWithoutVault } from '#shared/model/rules-copy.ts';
import { toBackupJob, toCopyJob, toRecoveryPoint, toRestoreJob } from './backup-shapes.ts';
import type {
  BackupJob,
  CopyJob,
  NewPointCopy,
  NewRecoveryPoint,
  NewRestore,
  RecoveryPoint,
  RecoveryPoints,
  RestoreJob,
} from './recovery-points.ts';

export interface AwsRecoveryPointsOptions {
  readonly vaultName: string;
  /** That AWS Backup works under, for backup and for restore. */
  readonly roleArn: string;
  readonly fileSystemArn: string;
  /** The vault of each Region that copies may be made in, by name. @default none */
  readonly vaults?: Readonly<Record<string, string>>;
  readonly client?: BackupClient;
}

/** Milliseconds; every call of ours may be repeated: starts have tokens, delete and describe settle. */
const timeouts = { connectionTimeout: 2_000, requestTimeout: 8_000, throwOnRequestTimeout: true };
/** Minutes that a job may wait before it begins; the least that AWS takes. Later it counts as failed. */
const startWindowMinutes = 60;

/** What AWS Backup says of an id that it does not know; of a recovery point it also says AccessDenied where the caller may not list. */
const unknown = ['ResourceNotFoundException'];

/** @param region default: the function's own */
export function backupClient(region?: string): BackupClient {
  const where = region === undefined ? {} : { region };
  return new BackupClient({ ...where, maxAttempts: 3, requestHandler: timeouts });
}

/** Recovery points by AWS Backup. */
export class AwsRecoveryPoints implements RecoveryPoints {
  readonly #options: AwsRecoveryPointsOptions;
  readonly #client: BackupClient;

  constructor(options: AwsRecoveryPointsOptions) {
    this.#options = options;
    this.#client = options.client ?? backupClient();
  }

  async startBackup({ token, tags }: NewRecoveryPoint): Promise<BackupJob> {
    const { vaultName, roleArn, fileSystemArn } = this.#options;
    const command = new StartBackupJobCommand({
      BackupVaultName: vaultName,
      ResourceArn: fileSystemArn,
      IamRoleArn: roleArn,
      IdempotencyToken: token,
      StartWindowMinutes: startWindowMinutes,
      RecoveryPointTags: { ...tags },
    });
    const made = await doing('Starting the backup job', () => this.#client.send(command));
    return toBackupJob({ ...made, State: 'CREATED' });
  }

  async findBackup(jobId: string): Promise<BackupJob | undefined> {
    const command = new DescribeBackupJobCommand({ BackupJobId: jobId });
    const found = await known('Looking at the backup job', () => this.#client.send(command));
    return found === undefined ? undefined : toBackupJob(found);
  }

  async findPoint(arn: string): Promise<RecoveryPoint | undefined> {
    const { vaultName } = this.#options;
    const command = new DescribeRecoveryPointCommand({ BackupVaultName: vaultName, RecoveryPointArn: arn });
    const found = await known('Looking at the recovery point', () => this.#client.send(command));
    return found === undefined ? undefined : toRecoveryPoint(found);
  }

  async listPoints(): Promise<RecoveryPoint[]> {
    const { vaultName, fileSystemArn } = this.#options;
    const query = { BackupVaultName: vaultName, ByResourceArn: fileSystemArn };
    return doing('Listing recovery points', async () => {
      const found: RecoveryPoint[] = [];
      for await (const page of paginateListRecoveryPointsByBackupVault({ client: this.#client }, query))
        found.push(...(page.RecoveryPoints ?? []).map(toRecoveryPoint));
      return found;
    });
  }

  async tagsOf(arn: string): Promise<Record<string, string> | undefined> {
    const command = new ListTagsCommand({ ResourceArn: arn });
    // The caller may look at what carries our tag: what AWS denies does not.
    const unseen = [...unknown, 'AccessDeniedException'];
    const found = await known('Looking at its tags', () => this.#client.send(command), unseen);
    return found === undefined ? undefined : { ...found.Tags };
  }

  async deletePoint(arn: string): Promise<'deleted' | 'in-use'> {
    const { vaultName } = this.#options;
    const command = new DeleteRecoveryPointCommand({ BackupVaultName: vaultName, RecoveryPointArn: arn });
    const code = await unlessCode([...unknown, 'InvalidResourceStateException'], 'Deleting it', () =>
      this.#client.send(command),
    );
    return code === 'InvalidResourceStateException' ? 'in-use' : 'deleted';
  }

  async startRestore({ token, arn, path }: NewRestore): Promise<string> {
    const { roleArn, fileSystemArn } = this.#options;
    const command = new StartRestoreJobCommand({
      RecoveryPointArn: arn,
      IamRoleArn: roleArn,
      IdempotencyToken: token,
      ResourceType: 'EFS',
      // Source: AWS Backup developer guide, restoring an Amazon EFS file system.
      Metadata: {
        'file-system-id': fileSystemArn.replace(/^.*\//, ''),
        newFileSystem: 'false',
        itemsToRestore: JSON.stringify([path]),
      },
    });
    const { RestoreJobId = '' } = await doing('Starting the restore job', () => this.#client.send(command));
    return RestoreJobId;
  }

  async findRestore(jobId: string): Promise<RestoreJob | undefined> {
    const command = new DescribeRestoreJobCommand({ RestoreJobId: jobId });
    const found = await known('Looking at the restore job', () => this.#client.send(command));
    return found === undefined ? undefined : toRestoreJob(found);
  }

  async startCopy({ token, arn, to }: NewPointCopy): Promise<CopyJob> {
    const { vaultName, vaults = {}, roleArn, fileSystemArn } = this.#options;
    refuseWithoutVault(to, Object.keys(vaults));
    const vault = vaults[to] ?? '';
    const [, partition, , , account] = fileSystemArn.split(':');
    const command = new StartCopyJobCommand({
      RecoveryPointArn: arn,
      SourceBackupVaultName: vaultName,
      DestinationBackupVaultArn: `arn:${partition}:backup:${to}:${account}:backup-vault:${vault}`,
      IamRoleArn: roleArn,
      IdempotencyToken: token,
    });
    const made = await doing(`Copying to ${to}`, () => this.#client.send(command));
    return { id: made.CopyJobId ?? '', createdAt: made.CreationDate, vault };
  }

  async findCopy(jobId: string): Promise<BackupJob | undefined> {
    const command = new DescribeCopyJobCommand({ CopyJobId: jobId });
    const found = await known('Looking at the copy job', () => this.#client.send(command));
    return found?.CopyJob === undefined ? undefined : toCopyJob(found.CopyJob);
  }
}

async function known<T>(
  what: string,
  call: () => Promise<T>,
  codes: readonly string[] = unknown,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (codes.includes(awsCode(error) ?? '')) return undefined;
    throw translateAwsError(error, what);
  }
}
