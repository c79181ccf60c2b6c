import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { ProductError } from '#shared/model/errors.ts';

/** A request that whoever has it may make, as it is, until it expires. */
export interface SignedRequest {
  readonly url: string;
  /** Among what was signed: they go with the request as they are. */
  readonly headers: Readonly<Record<string, string>>;
}

/** One call of S3 on an object of the bucket. */
export interface ObjectCall {
  readonly method: 'GET' | 'PUT';
  readonly key: string;
  /** What S3 takes beside the key: `versionId`; `uploadId` and `partNumber`. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Base64 SHA-256 of what may be written: S3 refuses anything else. */
  readonly sha256?: string;
}

/** Signs calls on the objects of one bucket. */
export type ObjectSigner = (call: ObjectCall) => Promise<SignedRequest>;

/** Objects of one bucket, for others to write and read. */
export interface SignedObjects {
  /** @param sha256 of what may be written, as hex: S3 refuses anything else. */
  put(key: string, sha256: string): Promise<SignedRequest>;
  get(key: string): Promise<SignedRequest>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Seconds. Long enough to begin; a transfer that has begun goes on, and a URL that has expired is asked for anew. */
export const signedFor = 900;
const checksumHeader = 'x-amz-checksum-sha256';

/** Signs with this function's own credentials: what it may not do, whoever has the request cannot do either. */
export function s3ObjectSigner(
  bucket: string,
  environment: Environment = process.env,
  clock: () => Date = () => new Date(),
): ObjectSigner {
  return async ({ method, key, query = {}, sha256 }) => {
    const { protocol, host, path } = addressOf(bucket, environment);
    const signer = new SignatureV4({
      service: 's3',
      region: environment['AWS_REGION'] ?? 'us-east-1',
      credentials: credentialsOf(environment),
      sha256: Sha256,
      // S3 signs paths as they are.
      uriEscapePath: false,
    });
    const headers = sha256 === undefined ? {} : { [checksumHeader]: sha256 };
    const request = {
      method,
      protocol,
      hostname: host,
      path: `${path}/${key}`,
      query: Object.fromEntries(
        Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
      ),
      headers: { host, 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD', ...headers },
    };
    // S3 ignores a checksum in the query, and refuses an x-amz- header that was not signed.
    const unhoistableHeaders = new Set(Object.keys(headers));
    const options = { expiresIn: signedFor, unhoistableHeaders, signingDate: clock() };
    const signed = await signer.presign(request, options);
    const search = Object.entries(signed.query ?? {}).map(
      ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
    );
    return { url: `${protocol}//${host}${path}/${key}?${search.join('&')}`, headers };
  };
}

export function s3SignedObjects(bucket: string): SignedObjects {
  const sign = s3ObjectSigner(bucket);
  return {
    put: (key, sha256) => sign({ method: 'PUT', key, sha256: Buffer.from(sha256, 'hex').toString('base64') }),
    get: (key) => sign({ method: 'GET', key }),
  };
}

interface Address {
  readonly protocol: string;
  /** With the port where there is one. */
  readonly host: string;
  readonly path: string;
}

/** The bucket's own host; under an endpoint of our own, its path. */
function addressOf(bucket: string, environment: Environment): Address {
  const endpoint = environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL'];
  if (endpoint === undefined) {
    const host = `${bucket}.s3.${environment['AWS_REGION'] ?? 'us-east-1'}.amazonaws.com`;
    return { protocol: 'https:', host, path: '' };
  }
  const { protocol, host } = new URL(endpoint);
  return { protocol, host, path: `/${bucket}` };
}

/** Lambda has them in the environment. */
function credentialsOf(environment: Environment) {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  const sessionToken = environment['AWS_SESSION_TOKEN'];
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new ProductError('Internal', 'This function has no credentials in its environment.');
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
