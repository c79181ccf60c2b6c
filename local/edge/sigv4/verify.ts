import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { createScope, getSigningKey, SignatureV4Base, UNSIGNED_PAYLOAD } from '@smithy/signature-v4';
import type { Claim } from './credential.ts';
import { Sha256, sha256Hex } from './sha256.ts';

/** A request as it came: the path and query as sent, not decoded. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export type SignatureProblem =
  { readonly kind: 'expired' | 'not-yet-valid'; readonly signedAt: string } | { readonly kind: 'mismatch' };

const skewMs = 5 * 60_000;

/** Whether a signature's time is good now: 5 minutes either way, or until a presigned URL's expiry. */
export function timeProblem(claim: Claim, now: number): SignatureProblem | undefined {
  const at = Date.parse(
    claim.signedAt.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  if (Number.isNaN(at) || claim.signedAt.slice(0, 8) !== claim.date) return { kind: 'mismatch' };
  if (at > now + skewMs) return { kind: 'not-yet-valid', signedAt: claim.signedAt };
  const goodFor = claim.expires === undefined ? skewMs : claim.expires * 1000;
  return at < now - goodFor ? { kind: 'expired', signedAt: claim.signedAt } : undefined;
}

/** Whether the signature is the one that the secret gives for exactly this request, body included. */
export async function signatureProblem(
  claim: Claim,
  secret: string,
  request: SignedRequest,
): Promise<SignatureProblem | undefined> {
  const mismatch = { kind: 'mismatch' } as const;
  if (!claim.signedHeaders.includes('host')) return mismatch;
  const payloadHash = declaredHash(request) ?? sha256Hex(request.body);
  if (payloadHash !== UNSIGNED_PAYLOAD && payloadHash !== sha256Hex(request.body)) return mismatch;
  const expected = await new Recomputed(claim, secret).signature(claim, secret, { request, payloadHash });
  const given = Buffer.from(claim.signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected) ? undefined : mismatch;
}

function declaredHash({ headers, query }: SignedRequest): string | undefined {
  const declared = headers['x-amz-content-sha256'] ?? query.get('X-Amz-Content-Sha256') ?? undefined;
  return Array.isArray(declared) ? declared[0] : declared;
}

interface Computing {
  readonly request: SignedRequest;
  readonly payloadHash: string;
}

/** The SDK's own signer, asked for the signature that it would have given. */
class Recomputed extends SignatureV4Base {
  constructor(claim: Claim, secret: string) {
    const credentials = { accessKeyId: claim.accessKeyId, secretAccessKey: secret };
    super({
      service: claim.service,
      region: claim.region,
      credentials,
      sha256: Sha256,
      uriEscapePath: claim.service !== 's3',
    });
  }

  async signature(claim: Claim, secret: string, { request, payloadHash }: Computing): Promise<Buffer> {
    const { method, path, query, headers } = request;
    const canonical = this.createCanonicalRequest(
      { method, path, query: bag(query), protocol: 'http:', hostname: '', headers: {} },
      Object.fromEntries(claim.signedHeaders.map((name) => [name, tidy(headers[name])])),
      payloadHash,
    );
    const scope = createScope(claim.date, claim.region, claim.service);
    const text = await this.createStringToSign(claim.signedAt, scope, canonical, 'AWS4-HMAC-SHA256');
    const credentials = { accessKeyId: claim.accessKeyId, secretAccessKey: secret };
    const key = await getSigningKey(Sha256, credentials, claim.date, claim.region, claim.service);
    const hmac = new Sha256(key);
    hmac.update(Buffer.from(text));
    return Buffer.from(await hmac.digest());
  }
}

const tidy = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value.join(',') : (value ?? '')).trim().replaceAll(/\s+/g, ' ');

/** A query in the signer's shape: repeated keys as arrays. Built so that a key such as `toString` is one like any other. */
export function bag(query: URLSearchParams): Record<string, string[]> {
  const byName = Map.groupBy(query, ([name]) => name);
  return Object.fromEntries([...byName].map(([name, pairs]) => [name, pairs.map(([, value]) => value)]));
}
