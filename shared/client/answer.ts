import * as z from 'zod';
import { ProductError, isErrorCode, type ErrorCode, type Problem } from '#shared/model/errors.ts';
import type { AnyRoute } from './types.ts';

const ProblemDocument = z.looseObject({
  code: z.string().refine(isErrorCode),
  detail: z.string(),
});
/** What API Gateway itself and IAM say. */
const GatewayMessage = z.looseObject({ message: z.string().optional(), Message: z.string().optional() });

const deniedHint = 'Check the credentials, their policies, the region and the endpoint: hivemind doctor.';

/** The answer's body as the route promises it. */
export function parseAnswer(route: AnyRoute, status: number, text: string): unknown {
  const schema = route.answers[status];
  if (schema === undefined) throw notUnderstood(`status ${status}`);
  if (schema === null) return undefined;
  const body = parseJson(text);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const known = schema.safeParse(withoutUnknown(body, parsed.error.issues));
  if (known.success) return known.data;
  throw notUnderstood(z.prettifyError(parsed.error));
}

/** The error behind an answer that is no success. */
export function parseProblem(status: number, text: string): ProductError {
  const body = parseJson(text);
  const problem = ProblemDocument.safeParse(body);
  if (problem.success) return ProductError.fromProblem(body as Problem);
  const gateway = GatewayMessage.safeParse(body);
  const said = gateway.success ? (gateway.data.message ?? gateway.data.Message) : undefined;
  const message = `The API answered ${status}${said === undefined ? '' : `: ${said}`}.`;
  return new ProductError(codeOf(status), message, status === 403 ? { hint: deniedHint } : {});
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'AccessDenied';
  if (status === 404) return 'RouteNotFound';
  if (status === 413) return 'BodyTooLarge';
  if (status === 429) return 'Throttled';
  return status >= 500 ? 'Unavailable' : 'InvalidInput';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A newer API may say more than this client knows: fields it does not know are left out, anything else is refused. */
function withoutUnknown(body: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const copy: unknown = structuredClone(body);
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const at = issue.path.reduce<unknown>((value, name) => child(value, name), copy);
    if (typeof at === 'object' && at !== null)
      for (const name of issue.keys) Reflect.deleteProperty(at, name);
  }
  return copy;
}

function child(value: unknown, name: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function notUnderstood(what: string): ProductError {
  return new ProductError('Internal', `The API's answer is not one this version understands: ${what}.`, {
    hint: 'Bring this program and the API to the same version, and check the endpoint.',
  });
}
