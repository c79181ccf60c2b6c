import { expect, test } from 'vitest';
import { claimOf } from '#local/edge/sigv4/credential.ts';
import { signatureProblem, timeProblem } from '#local/edge/sigv4/verify.ts';
import { s3ObjectSigner, type ObjectCall } from '#shared/aws/signed-objects.ts';
import { existing } from '#test/unit/workers/support/world.ts';

const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const function_ = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: secret,
  AWS_SESSION_TOKEN: 'of/this+function==',
};
const now = new Date('2026-11-30T02:00:00Z');
const sha256 = 'n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=';

/** Signs a call, then looks at it as S3 does: with headers that whoever has the URL sends along. */
async function verdict(call: ObjectCall, change: (url: URL, headers: Record<string, string>) => void) {
  const signed = await s3ObjectSigner('archive', function_, () => now)(call);
  const url = new URL(signed.url);
  const headers: Record<string, string> = { host: url.host, ...signed.headers };
  change(url, headers);
  const claim = claimOf(headers, url.searchParams);
  if (claim === undefined) return 'unsigned';
  const query = new URLSearchParams(url.searchParams);
  query.delete('X-Amz-Signature');
  const request = { method: call.method, path: url.pathname, query, headers, body: new Uint8Array() };
  return (await signatureProblem(claim, secret, request))?.kind ?? 'good';
}

const part: ObjectCall = {
  method: 'PUT',
  key: 'transfers/op-1/archive.tar.gz',
  query: { uploadId: 'a.b~c_d-e/+=', partNumber: '17' },
  sha256,
};
const version: ObjectCall = { method: 'GET', key: part.key, query: { versionId: undefined } };

test.each([
  ['a part of an upload', part],
  ['the newest version', version],
  ['an older version', { ...version, query: { versionId: '3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vj' } }],
] satisfies [string, ObjectCall][])('%s is signed as S3 reads it', async (_what, call) => {
  expect(await verdict(call, () => undefined)).toBe('good');
});

test.each([
  ['another part', (url) => url.searchParams.set('partNumber', '18')],
  ['another upload', (url) => url.searchParams.set('uploadId', 'x')],
  ['another object', (url) => void (url.pathname = '/transfers/op-2/archive.tar.gz')],
  ['a longer time', (url) => url.searchParams.set('X-Amz-Expires', '90000')],
  ['other content', (_url, headers) => void (headers['x-amz-checksum-sha256'] = 'other')],
  ['any content', (_url, headers) => void delete headers['x-amz-checksum-sha256']],
] satisfies [string, (url: URL, headers: Record<string, string>) => void][])(
  'it is not good for %s',
  async (_what, change) => {
    expect(await verdict(part, change)).toBe('mismatch');
  },
);

test('it is good for a quarter of an hour, at the bucket’s own address, and names no secret', async () => {
  const { url } = await s3ObjectSigner('archive', function_, () => now)(part);
  expect(url.split('?')[0]).toBe('https://archive.s3.eu-west-1.amazonaws.com/transfers/op-1/archive.tar.gz');
  expect(url).not.toContain(encodeURIComponent(secret));
  const claim = existing(claimOf({}, new URL(url).searchParams), 'claim');
  expect(timeProblem(claim, now.getTime() + 899_000)).toBeUndefined();
  expect(timeProblem(claim, now.getTime() + 901_000)).toMatchObject({ kind: 'expired' });
});

test('under an endpoint of our own the bucket is in the path', async () => {
  const environment = { ...function_, AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' };
  const { url } = await s3ObjectSigner('archive', environment, () => now)(version);
  expect(url.split('?')[0]).toBe('http://127.0.0.1:4566/archive/transfers/op-1/archive.tar.gz');
});
