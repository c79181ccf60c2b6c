import type { IncomingHttpHeaders } from 'node:http';

/** What a request says about its signature; nothing of it is proven. */
export interface Claim {
  readonly accessKeyId: string;
  /** YYYYMMDD. */
  readonly date: string;
  readonly region: string;
  /** The signing name, e.g. `ec2`, `elasticfilesystem`, `execute-api`. */
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** YYYYMMDDTHHMMSSZ. */
  readonly signedAt: string;
  readonly sessionToken?: string;
  /** Seconds that a presigned URL is good for; undefined when the signature is in the Authorization header. */
  readonly expires?: number;
}

const algorithm = 'AWS4-HMAC-SHA256';

/** Reads the SigV4 signature of a request: Authorization header, else presigned query. Undefined when there is none. */
export function claimOf(headers: IncomingHttpHeaders, query: URLSearchParams): Claim | undefined {
  return headers.authorization === undefined ? fromQuery(query) : fromHeader(headers);
}

function fromHeader(headers: IncomingHttpHeaders): Claim | undefined {
  const { authorization = '' } = headers;
  if (!authorization.startsWith(`${algorithm} `)) return undefined;
  const fields = new Map(
    authorization
      .slice(algorithm.length)
      .split(',')
      .map((part) => part.trim())
      .map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]),
  );
  return claim({
    credential: fields.get('Credential'),
    signedHeaders: fields.get('SignedHeaders'),
    signature: fields.get('Signature'),
    signedAt: single(headers['x-amz-date']),
    sessionToken: single(headers['x-amz-security-token']),
  });
}

function fromQuery(query: URLSearchParams): Claim | undefined {
  if (query.get('X-Amz-Algorithm') !== algorithm) return undefined;
  const expires = Number(query.get('X-Amz-Expires') ?? Number.NaN);
  const found = claim({
    credential: query.get('X-Amz-Credential') ?? undefined,
    signedHeaders: query.get('X-Amz-SignedHeaders') ?? undefined,
    signature: query.get('X-Amz-Signature') ?? undefined,
    signedAt: query.get('X-Amz-Date') ?? undefined,
    sessionToken: query.get('X-Amz-Security-Token') ?? undefined,
  });
  // No expiry at all is one that has passed.
  return found && { ...found, expires: Number.isFinite(expires) ? expires : 0 };
}

interface Parts {
  readonly credential: string | undefined;
  readonly signedHeaders: string | undefined;
  readonly signature: string | undefined;
  readonly signedAt: string | undefined;
  readonly sessionToken: string | undefined;
}

function claim({ credential, signedHeaders, signature, signedAt, sessionToken }: Parts): Claim | undefined {
  const [accessKeyId, date, region, service, term, ...rest] = credential?.split('/') ?? [];
  if (!accessKeyId || !date || !region || !service || term !== 'aws4_request' || rest.length > 0)
    return undefined;
  if (!signedHeaders || !signature || !signedAt) return undefined;
  const token = sessionToken === undefined ? {} : { sessionToken };
  return {
    accessKeyId,
    date,
    region,
    service,
    signedHeaders: signedHeaders.split(';'),
    signature,
    signedAt,
    ...token,
  };
}

const single = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;
