import { ulid } from 'ulid';
import * as z from 'zod';
import { StepFunctionsRuns } from '#shared/aws/executions.ts';
import { openTable } from '#shared/aws/table/table.ts';
import { WatchBackupsEnvironment } from '#shared/model/environment.ts';
import { workFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { publishOverdue } from '#shared/runtime/publish.ts';
import { logger, metrics } from '#shared/runtime/telemetry.ts';
import { watchBackups } from './watch.ts';
import { wireKeeper } from './wire.ts';

const environment = readEnvironment(WatchBackupsEnvironment);
const ports = {
  ...wireKeeper(environment),
  table: openTable(environment.TABLE_NAME),
  clock: () => new Date(),
  newId: ulid,
  log: logger,
  runs: new StepFunctionsRuns(environment.RUN_MACHINE_ARN),
  publish: publishOverdue(metrics),
};

export const handler = workFunction(z.unknown(), () => watchBackups(ports));
