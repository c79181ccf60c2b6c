import { VolumesApiEnvironment } from '#shared/model/environment.ts';
import { httpFunction } from '#shared/runtime/bundle.ts';
import { readEnvironment } from '#shared/runtime/environment.ts';
import { createRouter } from '#shared/runtime/router.ts';
import { logger } from '#shared/runtime/telemetry.ts';
import { volumeRoutes } from './volume-routes.ts';
import { wirePorts } from './wire.ts';

const environment = readEnvironment(VolumesApiEnvironment);

/** Answers one request of people and pipelines. */
export const answer = createRouter('volumes', volumeRoutes(wirePorts(environment)), logger);

export const handler = httpFunction(answer);
