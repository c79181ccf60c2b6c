import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import * as z from 'zod';
import { QueueWaker } from '#shared/aws/queue.ts';
import { openTable } from '#shared/aws/table/table.ts';
import { HostEventsEnvironment } from '#shared/model/environment.ts';
import { workFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { logger } from '#shared/runtime/telemetry.ts';
import { applyInstanceState, InstanceStateEvent } from './host-events.ts';
import { eachRecord } from './sqs-records.ts';

const environment = readEnvironment(HostEventsEnvironment);
const table = openTable(environment.TABLE_NAME);
const ports = { table, waker: new QueueWaker(table, logger), log: logger };

/** EventBridge and SQS both deliver at least once: an event is carried out once within a day. */
const applyOnce = makeIdempotent((event: InstanceStateEvent) => applyInstanceState(ports, event), {
  persistenceStore: new DynamoDBPersistenceLayer({ tableName: environment.IDEMPOTENCY_TABLE_NAME }),
  config: new IdempotencyConfig({ eventKeyJmesPath: 'id', expiresAfterSeconds: 86_400 }),
});

const SqsEvent = z.object({ Records: z.array(z.object({ messageId: z.string(), body: z.string() })) });

export const handler = workFunction(SqsEvent, ({ Records }) =>
  eachRecord(Records, logger, async (body) => {
    await applyOnce(InstanceStateEvent.parse(JSON.parse(body)));
  }),
);
