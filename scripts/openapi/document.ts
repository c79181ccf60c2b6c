import * as z from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { errorCodes, type ErrorCode } from '#shared/model/errors.ts';
import { routes, type Route, type RouteName } from '#shared/model/routes.ts';

const Code = z
  .enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]])
  .meta({ id: 'ErrorCode', description: 'Stable; wording of titles and details is not' });
const Issue = z
  .object({
    path: z.string(),
    message: z.string(),
    value: z.unknown().optional(),
    allowed: z.string().optional(),
  })
  .meta({ id: 'ProblemIssue' });
const ProblemDocument = z
  .object({
    type: z.string().meta({ example: 'urn:hivemind:problem:VolumeBusy' }),
    title: z.string(),
    status: z.int(),
    code: Code,
    detail: z.string(),
    retryable: z
      .boolean()
      .meta({ description: 'The same call may succeed later without anybody changing it' }),
    value: z.unknown().optional().meta({ description: 'What was refused, as it was written' }),
    allowed: z.string().optional().meta({ description: 'What would have been accepted' }),
    hint: z.string().optional().meta({ description: 'What to do next' }),
    about: z.record(z.string(), z.string()).optional().meta({ description: 'Ids it is about' }),
    issues: z.array(Issue).optional().meta({ description: 'One per wrong field' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem document' });

const titles: Readonly<Record<number, string>> = {
  200: 'Done, or so already',
  201: 'Made',
  202: 'An operation is under way; Location names it',
};

const idempotencyKey = z
  .string()
  .max(255)
  .optional()
  .meta({ description: 'Makes a repeat of this very request safe; another request with it is refused' });
const ifMatch = z
  .string()
  .optional()
  .meta({ description: 'ETag of the revision that the change is meant for' });

/** The OpenAPI document, from the table of routes and nothing else. */
export function openApiDocument(version: string): ReturnType<typeof createDocument> {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const [name, route] of Object.entries(routes) as [string, Route][]) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(name, route);
  }
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Hivemind Volumes',
      version,
      description:
        'Durable volumes for containers. Every call is signed with AWS Signature Version 4 for execute-api.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ sigv4: [] }],
    tags: [
      { name: 'volumes', description: 'For people and pipelines' },
      { name: 'hosts', description: 'For agents: the caller is the host that its role session names' },
    ],
    paths: paths as ZodOpenApiPathsObject,
    components: {
      schemas: { Problem: ProblemDocument },
      securitySchemes: {
        sigv4: {
          type: 'apiKey',
          name: 'Authorization',
          in: 'header',
          description: 'AWS Signature Version 4, service execute-api',
        },
      },
    },
  });
}

/** Routes whose use case holds an If-Match against the revision of what they change. */
const checkingIfMatch: ReadonlySet<string> = new Set<RouteName>([
  ...(['updateVolume', 'deleteVolume', 'undeleteVolume', 'attachVolume', 'detachVolume'] as const),
  ...(['claimVolume', 'hostDeleteVolume'] as const),
  ...(['holdBackup', 'releaseBackup', 'deleteBackup'] as const),
  ...(['updatePolicy', 'pausePolicy', 'resumePolicy', 'deletePolicy'] as const),
]);

function operation(
  name: string,
  { method, path: _path, summary, served, ...route }: Route,
): ZodOpenApiOperationObject {
  const headers = {
    ...(method === 'POST' ? { 'Idempotency-Key': idempotencyKey } : {}),
    ...(checkingIfMatch.has(name) ? { 'If-Match': ifMatch } : {}),
  };
  const answers = Object.entries(route.answers).map(([status, schema]) => [
    status,
    {
      description: titles[Number(status)] ?? 'Done',
      ...(schema === null ? {} : { content: { 'application/json': { schema } } }),
    },
  ]);
  const refusal = {
    description: 'Refused or failed',
    content: { 'application/problem+json': { schema: ProblemDocument } },
  };
  return {
    operationId: name,
    summary,
    tags: [served],
    requestParams: {
      ...(route.params === undefined ? {} : { path: route.params }),
      ...(route.query === undefined ? {} : { query: route.query }),
      ...(Object.keys(headers).length === 0 ? {} : { header: z.object(headers) }),
    },
    ...(route.body === undefined
      ? {}
      : { requestBody: { content: { 'application/json': { schema: route.body } } } }),
    responses: { ...Object.fromEntries(answers), default: refusal },
  };
}

/** The committed text. */
export function openApiText(version: string): string {
  return `${JSON.stringify(openApiDocument(version), null, 2)}\n`;
}
