import { StepFunctionsRuns } from '#shared/aws/executions.ts';
import { openTable } from '#shared/aws/table/table.ts';
import { PolicyTickEnvironment } from '#shared/model/environment.ts';
import { workFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { logger } from '#shared/runtime/telemetry.ts';
import { tick, TickEvent } from './tick.ts';

const environment = readEnvironment(PolicyTickEnvironment);
const starter = {
  table: openTable(environment.TABLE_NAME),
  runs: new StepFunctionsRuns(environment.RUN_MACHINE_ARN),
  clock: () => new Date(),
  log: logger,
};

export const handler = workFunction(TickEvent, (event) => tick(starter, event));
