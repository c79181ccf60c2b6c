import type { IncomingMessage } from 'node:http';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

export const fakeKeys = { accessKeyId: 'AKIDFAKE', secretAccessKey: 'a secret of the fake API' };
export const fakeRegion = 'us-east-1';

const form =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/execute-api\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;

/** Whether a request is signed by the fake's one key: the signature is made again from what arrived, and compared. */
export async function isSigned(request: IncomingMessage, body: string): Promise<boolean> {
  const [, key, , region, signed = '', signature] = form.exec(request.headers.authorization ?? '') ?? [];
  if (key !== fakeKeys.accessKeyId || region !== fakeRegion) return false;
  const again = await signAgain(request, body, signed.split(';'));
  return again.endsWith(`Signature=${String(signature)}`);
}

async function signAgain(
  { method = 'GET', url = '/', headers }: IncomingMessage,
  body: string,
  names: readonly string[],
): Promise<string> {
  const target = new URL(url, `http://${headers.host ?? ''}`);
  const query: Record<string, string[]> = {};
  for (const [name, value] of target.searchParams) (query[name] ??= []).push(value);
  const signer = new SignatureV4({
    service: 'execute-api',
    region: fakeRegion,
    credentials: fakeKeys,
    sha256: Sha256,
  });
  const date = String(headers['x-amz-date']).replace(
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
    '$1-$2-$3T$4:$5:$6Z',
  );
  const again = await signer.sign(
    {
      method,
      protocol: 'http:',
      hostname: target.hostname,
      path: target.pathname,
      query,
      headers: Object.fromEntries(names.map((name) => [name, String(headers[name])])),
      body: body === '' ? undefined : body,
    },
    { signingDate: new Date(date) },
  );
  return again.headers['authorization'] ?? '';
}
