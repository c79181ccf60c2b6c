import type { ServerResponse } from 'node:http';
import { authenticate } from './authentication.ts';
import { EdgeError } from './errors.ts';
import { conduct, type CarryOut, type Control, type Exchange } from './exchange.ts';
import { send, type Answer } from './http/answer.ts';
import { readBody } from './http/body.ts';
import { apiAnswer } from './http/errors.ts';
import { forward, type Upstream } from './http/forward.ts';
import { isFailure, type Identity, type IdentityFailure, type Principal } from './identity.ts';
import type { Incoming } from './incoming.ts';
import type { EdgeSettings } from './settings.ts';
import { signedAgain } from './sigv4/sign-again.ts';

/** Lambda's limit for what a synchronous call takes and gives, which comes before the API's own 10 MB. */
const bodyLimit = 6 << 20;
const defaultTimeout = 30_000;

/** What API Gateway's HTTP APIs say, word for word. Whatever is wrong with a signature, the answer is the same. */
const forbidden = apiAnswer.bind(undefined, 403, 'Forbidden');
const notFound = apiAnswer.bind(undefined, 404, 'Not Found');
const tooLarge = apiAnswer.bind(undefined, 413, 'Request Entity Too Large');
const internalError = apiAnswer.bind(undefined, 500, 'Internal Server Error');
const serviceUnavailable = apiAnswer.bind(undefined, 503, 'Service Unavailable');

export interface ApiParts extends Control {
  readonly settings: EdgeSettings;
  readonly identity: Identity;
  readonly emulator: Upstream;
}

/** Which API and which path of it is meant; the path as sent, without any prefix of the address. */
export interface ApiTarget {
  readonly apiId: string | undefined;
  readonly path: string;
}

/** One call of the product's HTTP API: SigV4 for execute-api or nothing, authorised, re-signed for the emulator's address. */
export async function apiCall(
  parts: ApiParts,
  incoming: Incoming,
  { response, target }: { readonly response: ServerResponse; readonly target: ApiTarget },
): Promise<void> {
  const { request, method, claim } = incoming;
  const body = await readBody(request, bodyLimit).catch((error: unknown) => {
    if (!(error instanceof EdgeError)) throw error;
    return undefined;
  });
  if (body === undefined) return send(response, tooLarge());
  const exchange: Exchange = {
    request,
    response,
    service: 'execute-api',
    action: `${method} ${target.path}`,
    region: claim?.region ?? parts.settings.region,
    protocol: 'api',
    principalArn: null,
    // Decoded only while a fault looks into bodies.
    ...(parts.faults.readBodies ? { text: body.toString('utf8') } : {}),
  };
  const carryOut: CarryOut = async () => {
    const caller = await admitted(parts, incoming, { body, target, exchange });
    return 'status' in caller ? caller : invoke(parts, incoming, { body, target, caller });
  };
  await conduct(parts, exchange, carryOut);
}

interface Admission {
  readonly body: Buffer;
  readonly target: ApiTarget;
  readonly exchange: Exchange;
}

async function admitted(parts: ApiParts, incoming: Incoming, call: Admission): Promise<Principal | Answer> {
  const { claim, method, path, query, request } = incoming;
  const { apiId, path: route } = call.target;
  if (apiId === undefined) return notFound();
  if (claim === undefined || claim.service !== 'execute-api' || claim.region !== parts.settings.region)
    return forbidden();
  const resource = `arn:aws:execute-api:${claim.region}:${parts.settings.account}:${apiId}/$default/${method}${route}`;
  let allowed = false;
  const resolve = async (): Promise<Principal | IdentityFailure> => {
    const answer = await parts.identity.admit(claim, [{ action: 'execute-api:Invoke', resource }]);
    if (isFailure(answer)) return answer;
    allowed = answer.decisions[0]?.decision === 'Allow';
    return answer.principal;
  };
  const signed = { method, path, query, headers: request.headers, body: call.body };
  const { principal } = await authenticate(resolve, claim, signed);
  call.exchange.principalArn = principal?.principalArn ?? null;
  return principal && allowed ? principal : forbidden();
}

interface Invocation {
  readonly body: Buffer;
  readonly target: ApiTarget;
  readonly caller: Principal;
}

async function invoke(parts: ApiParts, incoming: Incoming, call: Invocation): ReturnType<CarryOut> {
  const address = `/_aws/execute-api/${call.target.apiId}/$default${call.target.path}`;
  const { path, headers } = await signedAgain(parts.settings.region, incoming, { ...call, address });
  try {
    const answer = await forward(incoming.request, {
      to: parts.emulator,
      path,
      headers,
      body: call.body,
      timeout: parts.settings.apiTimeout ?? defaultTimeout,
    });
    if (Number(answer.headers['content-length'] ?? 0) <= bodyLimit) return answer;
    answer.resume();
    return internalError();
  } catch {
    // Timed out, or the emulator is away: API Gateway has the same words for both.
    return serviceUnavailable();
  }
}
