import middy from '@middy/core';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type * as z from 'zod';
import { errorCodes } from '#shared/model/errors.ts';
import { metricNames } from '#shared/model/metrics.ts';
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
  return observed<unknown, HttpResponse>().handler(async (event) => {
    const response = await answer(event);
    metrics.addMetric(outcomeOf(response.statusCode), MetricUnit.Count, 1);
    return response;
  });
}

/** Refused is the caller's mistake, failed is ours: only the second has an alarm. */
function outcomeOf(status: number): string {
  if (status < 400) return metricNames.answered;
  return status < 500 || status === errorCodes.NotImplemented.status
    ? metricNames.refused
    : metricNames.failed;
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
