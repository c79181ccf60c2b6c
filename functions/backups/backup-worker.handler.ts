import { AwsRecoveryRegions } from '#shared/aws/backup/aws-recovery-regions.ts';
import { Ec2BlockStorage } from '#shared/aws/ec2/ec2-block-storage.ts';
import { Ec2SnapshotRegions } from '#shared/aws/ec2/ec2-snapshot-regions.ts';
import { Ec2Instances } from '#shared/aws/ec2/ec2-instances.ts';
import { S3ManifestObjects } from '#shared/aws/archive/s3-manifest-objects.ts';
import { S3RepositoryKeeper } from '#shared/aws/archive/s3-repository-keeper.ts';
import { S3TransferObjects } from '#shared/aws/archive/s3-transfer-objects.ts';
import { QueueWaker } from '#shared/aws/queue.ts';
import { openTable } from '#shared/aws/table/table.ts';
import { BackupWorkerEnvironment } from '#shared/model/environment.ts';
import { WorkerInput } from '#shared/model/operation.ts';
import { workFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { logger } from '#shared/runtime/telemetry.ts';
import { backupDriver } from '../workers/backups/driver.ts';
import { Worker } from '../workers/runner.ts';
import { transferDriver } from '../workers/transfers/driver.ts';
import { isTransfer } from '../workers/transfers/is-transfer.ts';

const environment = readEnvironment(BackupWorkerEnvironment);
const table = openTable(environment.TABLE_NAME);
const home = process.env['AWS_REGION'] ?? 'us-east-1';
const objects = new S3TransferObjects(environment.ARCHIVE_BUCKET_NAME);
const driver = backupDriver({
  table,
  storage: new Ec2BlockStorage({ keyArn: environment.VOLUME_KEY_ARN }),
  regions: new Ec2SnapshotRegions({
    home,
    keys: { ...environment.COPY_KEYS, [home]: environment.VOLUME_KEY_ARN },
  }),
  recovery: new AwsRecoveryRegions({
    vaults: { ...environment.COPY_VAULTS, [home]: environment.BACKUP_VAULT_NAME },
    roleArn: environment.BACKUP_ROLE_ARN,
    fileSystemArn: environment.FILE_SYSTEM_ARN,
  }),
  repositories: new S3RepositoryKeeper(environment.ARCHIVE_BUCKET_NAME),
  instances: new Ec2Instances(),
  manifests: new S3ManifestObjects(environment.ARCHIVE_BUCKET_NAME),
  objects,
});
const clock = () => new Date();
const ports = { table, waker: new QueueWaker(table, logger), log: logger, clock };
const backups = new Worker(ports, driver);
const transfers = new Worker(ports, transferDriver({ table, objects }));

export const handler = workFunction(WorkerInput, async (input, { remaining }) => {
  const operation = await table.readOperation(input.operationId);
  const worker = isTransfer(operation) ? transfers : backups;
  return worker.run(input, new Date(Date.now() + remaining()));
});
