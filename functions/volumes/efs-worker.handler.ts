import { S3TransferObjects } from '#shared/aws/archive/s3-transfer-objects.ts';
import { AwsRecoveryPoints } from '#shared/aws/backup/aws-recovery-points.ts';
import { EfsAccessPoints } from '#shared/aws/efs/efs-access-points.ts';
import { QueueWaker } from '#shared/aws/queue.ts';
import { openTable } from '#shared/aws/table/table.ts';
import { EfsWorkerEnvironment } from '#shared/model/environment.ts';
import { WorkerInput } from '#shared/model/operation.ts';
import { workFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { logger } from '#shared/runtime/telemetry.ts';
import { efsDriver } from '../workers/efs/driver.ts';
import { Worker } from '../workers/runner.ts';

const environment = readEnvironment(EfsWorkerEnvironment);
const table = openTable(environment.TABLE_NAME);
const clock = () => new Date();
const driver = efsDriver({
  table,
  points: new EfsAccessPoints({ fileSystemId: environment.FILE_SYSTEM_ID }),
  recovery: new AwsRecoveryPoints({
    vaultName: environment.BACKUP_VAULT_NAME,
    roleArn: environment.BACKUP_ROLE_ARN,
    fileSystemArn: environment.FILE_SYSTEM_ARN,
  }),
  objects: new S3TransferObjects(environment.ARCHIVE_BUCKET_NAME),
  undoWindowHours: environment.UNDO_WINDOW_HOURS,
});
const worker = new Worker({ table, waker: new QueueWaker(table, logger), log: logger, clock }, driver);

export const handler = workFunction(WorkerInput, (input, { remaining }) =>
  worker.run(input, new Date(Date.now() + remaining())),
);
