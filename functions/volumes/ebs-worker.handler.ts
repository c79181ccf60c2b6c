import { S3TransferObjects } from '#shared/aws/archive/s3-transfer-objects.ts';
import { Ec2BlockStorage } from '#shared/aws/ec2/ec2-block-storage.ts';
import { Ec2Instances } from '#shared/aws/ec2/ec2-instances.ts';
import { QueueWaker } from '#shared/aws/queue.ts';
import { openTable } from '#shared/aws/table/table.ts';
import { EbsWorkerEnvironment } from '#shared/model/environment.ts';
import { WorkerInput } from '#shared/model/operation.ts';
import { workFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { logger } from '#shared/runtime/telemetry.ts';
import { ebsDriver } from '../workers/ebs/driver.ts';
import { Worker } from '../workers/runner.ts';

const environment = readEnvironment(EbsWorkerEnvironment);
const table = openTable(environment.TABLE_NAME);
const clock = () => new Date();
const driver = ebsDriver({
  table,
  storage: new Ec2BlockStorage({ keyArn: environment.VOLUME_KEY_ARN }),
  instances: new Ec2Instances(),
  objects: new S3TransferObjects(environment.ARCHIVE_BUCKET_NAME),
  region: process.env['AWS_REGION'] ?? 'us-east-1',
  undoWindowHours: environment.UNDO_WINDOW_HOURS,
});
const worker = new Worker({ table, waker: new QueueWaker(table, logger), log: logger, clock }, driver);

export const handler = workFunction(WorkerInput, (input, { remaining }) =>
  worker.run(input, new Date(Date.now() + remaining())),
);
