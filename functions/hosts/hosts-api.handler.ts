import { randomUUID } from 'node:crypto';
import { SqsHostQueues } from '#shared/aws/host-queues.ts';
import { HostsApiEnvironment } from '#shared/model/environment.ts';
import { httpFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { createRouter } from '#shared/runtime/router.ts';
import { logger } from '#shared/runtime/telemetry.ts';
import { wirePorts } from '#functions/volumes/wire.ts';
import { hostRoutes } from './host-routes.ts';

const environment = readEnvironment(HostsApiEnvironment);
const { HOST_ROLE_ID: roleId, POLL_SECONDS: pollSeconds, QUEUE_PREFIX } = environment;

/** Answers one request of a host. */
export const answer = createRouter(
  'hosts',
  hostRoutes({
    ...wirePorts(environment),
    queues: new SqsHostQueues(QUEUE_PREFIX),
    newUuid: randomUUID,
    hostSettings: { roleId, pollSeconds },
  }),
  logger,
);

export const handler = httpFunction(answer);
