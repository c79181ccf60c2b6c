import { ProductError, type Problem } from '#shared/model/errors.ts';

/** Answer of a function behind the HTTP API, payload 2.0. */
export interface HttpResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface Answered {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export function jsonResponse({ status, body, headers }: Answered): HttpResponse {
  return {
    statusCode: status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  };
}

/** RFC 9457. What is not a ProductError is ours to hide: the log has it under the request id. */
export function problemResponse(
  error: unknown,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  const problem: Problem = toProductError(error, requestId).toProblem();
  return {
    statusCode: problem.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(problem),
  };
}

export function toProductError(error: unknown, requestId: string): ProductError {
  if (error instanceof ProductError) return error;
  return new ProductError('Internal', 'Something went wrong on our side.', {
    about: { requestId },
    hint: 'Repeat the call; if it keeps failing, give this request id to whoever runs the deployment.',
  });
}
