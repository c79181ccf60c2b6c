import { SignatureV4 } from '@smithy/signature-v4';
import { passedHeaders } from '../http/forward.ts';
import type { Principal } from '../identity.ts';
import type { Incoming } from '../incoming.ts';
import { Sha256 } from './sha256.ts';
import { bag } from './verify.ts';

export interface SigningAgain {
  /** The path at which the emulator has the API. */
  readonly address: string;
  readonly body: Uint8Array;
  readonly caller: Principal;
}

export interface SignedAgain {
  /** With the query. */
  readonly path: string;
  readonly headers: readonly string[];
}

/** A verified API call as the emulator takes it: at its address, with a signature of the caller's own key over that. */
export async function signedAgain(
  region: string,
  incoming: Incoming,
  call: SigningAgain,
): Promise<SignedAgain> {
  const { request, method } = incoming;
  const presigned = incoming.claim?.expires !== undefined;
  const query = presigned ? withoutSignature(incoming.query) : incoming.query;
  const signer = new SignatureV4({
    service: 'execute-api',
    region,
    credentials: keysOf(incoming, call.caller),
    sha256: Sha256,
  });
  const signed = await signer.sign({
    method,
    protocol: 'http:',
    hostname: '',
    path: call.address,
    query: bag(query),
    headers: { host: request.headers.host ?? '' },
    body: call.body,
  });
  const { host: _host, ...added } = signed.headers;
  const length = call.body.length > 0 ? ['content-length', String(call.body.length)] : [];
  return {
    path: call.address + (presigned ? searchOf(query) : incoming.search),
    headers: [
      ...passedHeaders(request.rawHeaders, replaced),
      ...Object.entries(added).flat(),
      ...length,
      ...forwarded(incoming),
    ],
  };
}

function keysOf({ claim }: Incoming, { secretAccessKey, sessionToken }: Principal) {
  const token = sessionToken === null ? {} : { sessionToken };
  return { accessKeyId: claim?.accessKeyId ?? '', secretAccessKey, ...token };
}

/** A presigned call carries its signature in the query, where the function does not see it on AWS either. */
function withoutSignature(query: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...query].filter(([name]) => !name.toLowerCase().startsWith('x-amz-')));
}

function searchOf(query: URLSearchParams): string {
  const pairs = [...query].map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

/** Replaced by the new signature, or added by the gateway and not believed from outside. */
const replaced = new Set([
  'authorization',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-content-sha256',
  'content-length',
  'transfer-encoding',
  'x-forwarded-for',
  'x-forwarded-port',
  'x-forwarded-proto',
]);

function forwarded({ request }: Incoming): string[] {
  const from = (request.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
  return ['x-forwarded-for', from, 'x-forwarded-port', '443', 'x-forwarded-proto', 'https'];
}
