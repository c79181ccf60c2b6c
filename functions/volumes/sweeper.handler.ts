import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { ulid } from 'ulid';
import * as z from 'zod';
import { S3ManifestObjects } from '#shared/aws/archive/s3-manifest-objects.ts';
import { AwsRecoveryRegions } from '#shared/aws/backup/aws-recovery-regions.ts';
import { Ec2BlockStorage } from '#shared/aws/ec2/ec2-block-storage.ts';
import { Ec2SnapshotRegions } from '#shared/aws/ec2/ec2-snapshot-regions.ts';
import { SqsHostQueues } from '#shared/aws/host-queues.ts';
import { StepFunctionsExecutions, StepFunctionsRuns } from '#shared/aws/executions.ts';
import { AwsInventory } from '#shared/aws/leftovers.ts';
import { openTable } from '#shared/aws/table/table.ts';
import { SweeperEnvironment } from '#shared/model/environment.ts';
import { workFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { logger, metrics } from '#shared/runtime/telemetry.ts';
import { sweep } from '../sweep/sweep.ts';

const environment = readEnvironment(SweeperEnvironment);
const region = process.env['AWS_REGION'] ?? 'us-east-1';
const ports = {
  table: openTable(environment.TABLE_NAME),
  // It lists volumes only; without a key it could not make an encrypted one either.
  storage: new Ec2BlockStorage({ keyArn: '' }),
  // It removes only, for which no key is needed.
  regions: new Ec2SnapshotRegions({ home: region, keys: {} }),
  settings: {
    region,
    copyRegions: environment.COPY_REGIONS,
    vaultRegions: Object.keys(environment.COPY_VAULTS),
    fileSystemId: environment.FILE_SYSTEM_ID,
  },
  // It lists them only, for which no role is handed over.
  recovery: new AwsRecoveryRegions({
    vaults: { ...environment.COPY_VAULTS, [region]: environment.BACKUP_VAULT_NAME },
    fileSystemArn: environment.FILE_SYSTEM_ARN,
    roleArn: '',
  }),
  inventory: new AwsInventory({ fileSystemId: environment.FILE_SYSTEM_ID }),
  manifests: new S3ManifestObjects(environment.ARCHIVE_BUCKET_NAME),
  queues: new SqsHostQueues(environment.QUEUE_PREFIX),
  executions: new StepFunctionsExecutions(environment.STATE_MACHINE_ARN),
  runs: new StepFunctionsRuns(environment.RUN_MACHINE_ARN),
  log: logger,
  count: (metric: string, value: number) => metrics.addMetric(metric, MetricUnit.Count, value),
  clock: () => new Date(),
  newId: () => ulid(),
};

export const handler = workFunction(z.unknown(), () => sweep(ports));
