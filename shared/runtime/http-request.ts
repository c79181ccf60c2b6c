import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';

/** The caller as IAM authenticated it. */
export interface Caller {
  readonly arn: string;
  /** `AIDA…` of a user, `AROA…:session` of a role. */
  readonly userId: string;
  readonly account: string;
}

/** A request of the HTTP API, before routing. */
export interface HttpRequest {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly caller: Caller;
}

const Text = z.string().nullish();
const Iam = z.object({
  userArn: z.string().min(1),
  userId: z.string().min(1),
  accountId: z.string().min(1),
});
/** The parts of API Gateway's payload 2.0 that the product reads. Source: HTTP API developer guide, payload format 2.0. */
const Event = z.object({
  rawPath: z.string(),
  rawQueryString: Text,
  headers: z.record(z.string(), z.string()).default({}),
  body: Text,
  isBase64Encoded: z.boolean().default(false),
  requestContext: z.object({
    requestId: z.string(),
    http: z.object({ method: z.string() }),
    // Whatever is not IAM's word on the caller counts as none.
    authorizer: z.object({ iam: Iam.optional() }).nullish().catch(null),
  }),
});

/**
 * Parses the event of an HTTP API with IAM authorization.
 * @throws ProductError AccessDenied when IAM did not authenticate the caller, whoever let the call through.
 */
export function parseEvent(input: unknown): HttpRequest {
  const event = Event.parse(input);
  const iam = event.requestContext.authorizer?.iam;
  if (iam === undefined) {
    throw new ProductError('AccessDenied', 'The call was not authenticated by IAM.', {
      hint: 'Sign it with AWS Signature Version 4 for execute-api.',
    });
  }
  const { body } = event;
  return {
    id: event.requestContext.requestId,
    method: event.requestContext.http.method.toUpperCase(),
    path: event.rawPath,
    query: new URLSearchParams(event.rawQueryString ?? ''),
    headers: Object.fromEntries(
      Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    body: event.isBase64Encoded ? Buffer.from(body ?? '', 'base64').toString('utf8') : (body ?? ''),
    caller: { arn: iam.userArn, userId: iam.userId, account: iam.accountId },
  };
}
