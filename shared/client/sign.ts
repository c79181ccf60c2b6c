import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { PlainRequest } from './request.ts';
import type { Credentials } from './types.ts';

export interface SignOptions {
  readonly region: string;
  readonly credentials: Credentials;
  readonly date: Date;
}

/** Headers of the request with an AWS Signature Version 4 for API Gateway (`execute-api`). */
export async function sign(request: PlainRequest, options: SignOptions): Promise<Record<string, string>> {
  const { url, method, body } = request;
  const signer = new SignatureV4({
    service: 'execute-api',
    region: options.region,
    credentials: options.credentials,
    sha256: Sha256,
  });
  const names = new Set(url.searchParams.keys());
  // Built at once, so that a name such as `toString` is one like any other.
  const query = Object.fromEntries([...names].map((name) => [name, url.searchParams.getAll(name)]));
  const { headers } = await signer.sign(
    {
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query,
      headers: { ...request.headers, host: url.host },
      body,
    },
    { signingDate: options.date },
  );
  // fetch() sets the host itself, and refuses to be told.
  const { host: _host, ...rest } = headers;
  return rest;
}
