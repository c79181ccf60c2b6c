import { StepFunctionsRuns } from '#shared/aws/executions.ts';
import { S3TransferObjects } from '#shared/aws/archive/s3-transfer-objects.ts';
import { BackupsApiEnvironment } from '#shared/model/environment.ts';
import { httpFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { createRouter } from '#shared/runtime/router.ts';
import { logger } from '#shared/runtime/telemetry.ts';
import { wireKeeper } from '#functions/policies/wire.ts';
import { wirePorts } from '#functions/volumes/wire.ts';
import { backupRoutes } from './backup-routes.ts';

const environment = readEnvironment(BackupsApiEnvironment);
const ports = {
  ...wirePorts(environment),
  ...wireKeeper(environment),
  objects: new S3TransferObjects(environment.ARCHIVE_BUCKET_NAME),
  runs: new StepFunctionsRuns(environment.RUN_MACHINE_ARN),
};

/** Answers one request about backups, archives and policies. */
export const answer = createRouter('backups', backupRoutes(ports), logger);

export const handler = httpFunction(answer);
