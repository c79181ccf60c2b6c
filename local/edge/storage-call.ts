import type { ServerResponse } from 'node:http';
import { authenticate } from './authentication.ts';
import type { Callers } from './callers.ts';
import { conduct, unavailable, type Carried, type Control, type Exchange } from './exchange.ts';
import { send, type Answer } from './http/answer.ts';
import { readBody } from './http/body.ts';
import { errorAnswer, type Protocol } from './http/errors.ts';
import { forward, isReset, passedHeaders, type Upstream } from './http/forward.ts';
import type { Identity, Principal } from './identity.ts';
import { isSmallForm, type Incoming } from './incoming.ts';
import { operationOf } from './operations.ts';
import { backupRule } from './permissions/backup.ts';
import { ec2Rule } from './permissions/ec2.ts';
import { efsRule } from './permissions/efs.ts';
import type { LookUp, Rule, StorageRequest } from './permissions/types.ts';
import { authenticationRefusal, denialRefusal } from './refusals.ts';
import type { EdgeSettings } from './settings.ts';
import type { Claim } from './sigv4/credential.ts';

const rules = { ec2: ec2Rule, elasticfilesystem: efsRule, backup: backupRule } as const satisfies Record<
  string,
  Rule
>;
export type StorageService = keyof typeof rules;

export const isStorageService = (service: string): service is StorageService => Object.hasOwn(rules, service);

export interface StorageParts extends Control {
  readonly settings: EdgeSettings;
  readonly identity: Identity;
  readonly callers: Callers;
  readonly storage: Upstream;
  readonly lookUp: LookUp;
}

interface Call {
  readonly incoming: Incoming;
  readonly claim: Claim;
  readonly service: StorageService;
  readonly response: ServerResponse;
}

const bodyLimit = 1 << 20;

/** A call of EC2, EFS or AWS Backup: verified, authorised, and sent to the storage service, or refused as AWS refuses it. */
export async function storageCall(
  parts: StorageParts,
  { incoming, claim, service, response }: Call,
): Promise<void> {
  const protocol: Protocol = service === 'ec2' ? 'ec2' : 'rest-json';
  const body = await readBody(incoming.request, bodyLimit).catch(() => undefined);
  if (body === undefined) {
    return send(
      response,
      errorAnswer(protocol, {
        status: 413,
        code: 'RequestEntityTooLarge',
        message: 'Request Entity Too Large',
      }),
    );
  }
  const request = requestOf(parts.settings, { incoming, claim, body });
  const exchange: Exchange = {
    request: incoming.request,
    response,
    service,
    action: request.action,
    region: claim.region,
    protocol,
    text: body.toString('utf8'),
    principalArn: null,
  };
  await conduct(parts, exchange, async () => {
    const caller = await admitted(parts, { incoming, claim, body, request, protocol, service });
    if ('status' in caller) return caller;
    exchange.principalArn = caller.principalArn;
    return passOn(parts, incoming, { body, caller });
  });
}

interface Admission {
  readonly incoming: Incoming;
  readonly claim: Claim;
  readonly body: Buffer;
  readonly request: StorageRequest;
  readonly protocol: Protocol;
  readonly service: StorageService;
}

async function admitted(parts: StorageParts, call: Admission): Promise<Principal | Answer> {
  const { incoming, claim, body, request, protocol } = call;
  const { method, path, query } = incoming;
  const signed = { method, path, query, headers: incoming.request.headers, body };
  const resolve = () => parts.identity.resolve(claim.accessKeyId, claim.sessionToken);
  const { principal, failure } = await authenticate(resolve, claim, signed);
  if (failure) return authenticationRefusal(protocol, failure);
  const wishes = await rules[call.service](request, parts.lookUp);
  const decisions = await parts.identity.authorize(claim, wishes);
  const refused = decisions.findIndex(({ decision }) => decision !== 'Allow');
  const [wish, decision] = [wishes[refused], decisions[refused]];
  if (wish && decision)
    return denialRefusal(protocol, { principalArn: principal.principalArn, wish, decision });
  return principal;
}

interface Passing {
  readonly body: Buffer;
  readonly caller: Principal;
}

/** What the storage service believes: it comes from the edge alone. */
const ours = new Set([
  'x-hivemind-edge-token',
  'x-hivemind-principal',
  'transfer-encoding',
  'content-length',
]);

async function passOn(parts: StorageParts, incoming: Incoming, { body, caller }: Passing): Promise<Carried> {
  const headers = [
    ...passedHeaders(incoming.request.rawHeaders, ours),
    'x-hivemind-edge-token',
    parts.settings.edgeToken,
    'x-hivemind-principal',
    caller.principalArn,
    ...(body.length > 0 ? ['content-length', String(body.length)] : []),
  ];
  try {
    return await forward(incoming.request, {
      to: parts.storage,
      path: incoming.path + incoming.search,
      headers,
      body,
    });
  } catch (error) {
    // Broken after it was sent: whether the call was made, the caller knows as little as with AWS.
    return isReset(error) ? 'reset' : unavailable;
  }
}

function requestOf(
  { account }: EdgeSettings,
  { incoming, claim, body }: Pick<Admission, 'incoming' | 'claim' | 'body'>,
): StorageRequest {
  const { method, path, query, target } = incoming;
  const form = new URLSearchParams(isSmallForm(incoming.request) ? body.toString('utf8') : incoming.search);
  const action = operationOf(claim.service, {
    method,
    path,
    query,
    target,
    form: claim.service === 'ec2' ? form : undefined,
  });
  return { action, region: claim.region, account, path, query, form, body: jsonOf(body) };
}

function jsonOf(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
