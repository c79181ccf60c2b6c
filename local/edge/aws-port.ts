import type { IncomingMessage, ServerResponse } from 'node:http';
import { apiCall, type ApiParts, type ApiTarget } from './api-call.ts';
import { conduct, unavailable, type Exchange } from './exchange.ts';
import { json, send, type Answer } from './http/answer.ts';
import { readBody } from './http/body.ts';
import { errorAnswer, protocolOf } from './http/errors.ts';
import { forward, passedHeaders } from './http/forward.ts';
import { incomingOf, isSmallForm, type Incoming } from './incoming.ts';
import { operationOf } from './operations.ts';
import { isStorageService, storageCall, type StorageParts } from './storage-call.ts';

export type AwsParts = ApiParts & StorageParts;

/** The port that stands for all of AWS: the credential scope of a call says which service it is for. */
export async function awsRequest(
  parts: AwsParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const incoming = incomingOf(request);
  const api = apiTarget(incoming);
  if (api) return apiCall(parts, incoming, { response, target: api });
  if (!isPublic(incoming)) return send(response, json(403, { message: 'Forbidden' }));
  const { claim } = incoming;
  if (claim === undefined && request.headers.authorization !== undefined)
    return send(response, incomplete(incoming));
  const service = claim?.service ?? 'unsigned';
  if (claim && isStorageService(service)) return storageCall(parts, { incoming, claim, service, response });
  return emulatorCall(parts, incoming, response);
}

/** The emulator takes any other kind of Authorization for root's; AWS takes none. */
function incomplete({ target }: Incoming): Answer {
  const protocol = protocolOf('unsigned', { target, form: {} });
  const message =
    "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters of AWS4-HMAC-SHA256.";
  return errorAnswer(protocol, { status: 403, code: 'IncompleteSignatureException', message });
}

/** The API under the addresses that the emulator gives it: they are held to what the API port is held to. */
function apiTarget({ request, path }: Incoming): ApiTarget | undefined {
  const byHost = /^([a-z0-9]{8,10})\.execute-api\./.exec(request.headers.host ?? '')?.[1];
  if (byHost) return { apiId: byHost, path };
  const byPath = /^\/_aws\/execute-api\/([^/]+)\/(?:\$|%24)default(\/.*)?$/.exec(path);
  if (byPath?.[1]) return { apiId: byPath[1], path: byPath[2] ?? '/' };
  return path.startsWith('/_aws/') || path.startsWith('/restapis/') ? { apiId: undefined, path } : undefined;
}

/** The emulator's own addresses that need no signature. Its switches (reset, config) are not for whoever reaches the port. */
const open = [
  { method: 'GET', prefix: '/_ministack/health' },
  { method: 'GET', prefix: '/_ministack/lambda-' },
  { method: 'PUT', prefix: '/_ministack/cfn-' },
];

function isPublic({ method, path }: Incoming): boolean {
  const internal = /^\/_(?:ministack|localstack)\b/.test(path);
  return !internal || open.some((address) => address.method === method && path.startsWith(address.prefix));
}

async function emulatorCall(parts: AwsParts, incoming: Incoming, response: ServerResponse): Promise<void> {
  const { request, claim, target, path, search, query, method } = incoming;
  const small = isSmallForm(request);
  const read = small || parts.faults.readBodies;
  const body = read ? await readBody(request, Number.POSITIVE_INFINITY) : undefined;
  const text = body?.toString('utf8');
  const form = small ? new URLSearchParams(text) : undefined;
  const service = claim?.service ?? 'unsigned';
  const exchange: Exchange = {
    request,
    response,
    service,
    action: operationOf(service, { method, path, query, target, form }),
    region: claim?.region ?? parts.settings.region,
    protocol: protocolOf(service, { target, form }),
    text,
    principalArn: claim ? parts.callers.arnOf(claim) : null,
  };
  const empty = body === undefined && !hasBody(request) ? new Uint8Array() : body;
  await conduct(parts, exchange, async () => {
    try {
      const headers = passedHeaders(request.rawHeaders);
      return await forward(request, {
        to: parts.emulator,
        path: path + search,
        headers,
        ...(empty && { body: empty }),
      });
    } catch {
      return unavailable;
    }
  });
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
