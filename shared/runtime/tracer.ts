import { Tracer } from '@aws-lambda-powertools/tracer';

/** The one file that knows the tracer: its X-Ray SDK gets security fixes only, and will be replaced here. */
export { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';

export const tracer = new Tracer();
