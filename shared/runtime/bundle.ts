import middy from '@middy/core';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import type * as z from 'zod';
import type { HttpResponse } from './http-response.ts';
import { metrics, logger } from './telemetry.ts';
import { captureLambdaHandler, tracer } from './tracer.ts';

/** What every function gets: tracing, a log context that starts clean on a warm start, metrics. */
function observed<Event, Result>() {
  return middy<Event, Result>()
    .use(captureLambdaHandler(tracer, { captureResponse: false }))
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(logMetrics(metrics, { captureColdStartMetric: true }));
}

/** A function behind the HTTP API. `answer` never throws: the router turns every error into a problem document. */
export function httpFunction(answer: (event: unknown) => Promise<HttpResponse>) {
  return observed<unknown, HttpResponse>().handler((event) => answer(event));
}

/** What a function may ask of its invocation. */
export interface Invocation {
  /** Milliseconds until Lambda ends it. */
  readonly remaining: () => number;
  readonly requestId: string;
}

/**
 * A function that a state machine, a schedule or a queue calls: parses its event with the schema, then works.
 * An error is thrown on, by its name: retries, catches and dead letter queues are the caller's.
 */
export function workFunction<S extends z.ZodType, Result>(
  schema: S,
  work: (event: z.output<S>, invocation: Invocation) => Promise<Result>,
) {
  return observed<unknown, Result>().handler((event, context) =>
    work(schema.parse(event), {
      remaining: () => context.getRemainingTimeInMillis(),
      requestId: context.awsRequestId,
    }),
  );
}
