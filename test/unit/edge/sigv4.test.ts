import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { SignatureV4 } from '@smithy/signature-v4';
import { claimOf } from '#local/edge/sigv4/credential.ts';
import { Sha256 } from '#local/edge/sigv4/sha256.ts';
import { bag, signatureProblem, timeProblem, type SignedRequest } from '#local/edge/sigv4/verify.ts';

const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const none = new URLSearchParams();

/** The worked example of AWS's own documentation of Signature Version 4. */
const documented = {
  method: 'GET',
  path: '/',
  query: new URLSearchParams('Action=ListUsers&Version=2010-05-08'),
  headers: {
    host: 'iam.amazonaws.com',
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    'x-amz-date': '20150830T123600Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  },
  body: new Uint8Array(),
} satisfies SignedRequest;

const claimIn = ({ headers, query }: SignedRequest) => {
  const claim = claimOf(headers, query);
  expect(claim).toBeDefined();
  return claim as NonNullable<typeof claim>;
};

describe('a signature', () => {
  it('of AWS’s own documentation is right', async () => {
    expect(await signatureProblem(claimIn(documented), secret, documented)).toBeUndefined();
  });

  it.each([
    ['another secret', documented, 'another'],
    ['another method', { ...documented, method: 'POST' }, secret],
    ['another path', { ...documented, path: '/x' }, secret],
    [
      'another query',
      { ...documented, query: new URLSearchParams('Action=DeleteUser&Version=2010-05-08') },
      secret,
    ],
    ['another host', { ...documented, headers: { ...documented.headers, host: 'evil.example' } }, secret],
    ['another body', { ...documented, body: Buffer.from('x') }, secret],
    [
      'a hash of another body',
      { ...documented, headers: { ...documented.headers, 'x-amz-content-sha256': 'e3b0' } },
      secret,
    ],
  ] satisfies [string, SignedRequest, string][])('does not hold for %s', async (_what, request, key) => {
    expect(await signatureProblem(claimIn(request), key, request)).toEqual({ kind: 'mismatch' });
  });

  it('that leaves out the host is none', async () => {
    const { authorization } = documented.headers;
    const headers = { ...documented.headers, authorization: authorization.replace('host;', '') };
    const request = { ...documented, headers };
    expect(await signatureProblem(claimIn(request), secret, request)).toEqual({ kind: 'mismatch' });
  });

  const word = fc.string({ unit: 'grapheme', maxLength: 12 });
  const signedCall = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    segments: fc.array(word, { maxLength: 4 }),
    query: fc.array(fc.tuple(word, word), { maxLength: 4 }),
    body: fc.uint8Array({ maxLength: 40 }),
    header: fc.string({ maxLength: 12 }).filter((text) => /^[ -~]*$/.test(text)),
  });

  test.prop([signedCall])(
    'of the SDK holds, whatever is signed',
    async ({ method, segments, query: pairs, body, header }) => {
      const query = new URLSearchParams(pairs);
      const path = `/${segments.map((segment) => encodeURIComponent(segment)).join('/')}`;
      const signer = new SignatureV4({
        service: 'execute-api',
        region: 'eu-central-1',
        credentials: { accessKeyId: 'AKIA', secretAccessKey: secret, sessionToken: 'token' },
        sha256: Sha256,
      });
      const signed = await signer.sign({
        method,
        protocol: 'http:',
        hostname: 'h',
        path,
        query: bag(query),
        headers: { host: 'h:1', 'x-own': header },
        body,
      });
      const request = { method, path, query, headers: signed.headers, body };
      expect(await signatureProblem(claimIn(request), secret, request)).toBeUndefined();
      const changed = { ...request, body: Buffer.concat([body, Buffer.of(1)]) };
      expect(await signatureProblem(claimIn(request), secret, changed)).toEqual({ kind: 'mismatch' });
    },
  );
});

describe('a query', () => {
  it('may have any names, repeated or not', () => {
    const query = new URLSearchParams('toString=1&a=1&a=2&__proto__=x&constructor=');
    expect(Object.entries(bag(query))).toEqual([
      ['toString', ['1']],
      ['a', ['1', '2']],
      ['__proto__', ['x']],
      ['constructor', ['']],
    ]);
  });
});

describe('the time of a signature', () => {
  const at = Date.parse('2015-08-30T12:36:00Z');
  const claim = claimIn(documented);
  const minutes = 60_000;

  it.each([
    [0, undefined],
    [5 * minutes, undefined],
    [-5 * minutes, undefined],
    [5 * minutes + 1, 'expired'],
    [-5 * minutes - 1, 'not-yet-valid'],
  ])('seen %i ms later: %s', (later, kind) => {
    expect(timeProblem(claim, at + later)?.kind).toBe(kind);
  });

  it('in a URL is good for as long as it says', () => {
    expect(timeProblem({ ...claim, expires: 3600 }, at + 3_600_000)).toBeUndefined();
    expect(timeProblem({ ...claim, expires: 3600 }, at + 3_600_001)?.kind).toBe('expired');
  });

  it('must be of the day that the key is for', () => {
    expect(timeProblem({ ...claim, date: '20150829' }, at)?.kind).toBe('mismatch');
    expect(timeProblem({ ...claim, signedAt: 'yesterday' }, at)?.kind).toBe('mismatch');
  });
});

describe('reading a signature', () => {
  test.prop([
    fc.string(),
    fc.dictionary(fc.constantFrom('X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date'), fc.string()),
  ])('takes any nonsense for none', (authorization, query) => {
    expect(claimOf({ authorization: `AWS4-HMAC-SHA256 ${authorization}` }, none)).toBeUndefined();
    expect(claimOf({ authorization }, none)).toBeUndefined();
    expect(claimOf({}, new URLSearchParams(query))).toBeUndefined();
  });

  it('takes a URL without an expiry for an expired one', () => {
    const url = new URLSearchParams({
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': 'AKIA/20150830/us-east-1/s3/aws4_request',
      'X-Amz-Date': '20150830T123600Z',
      'X-Amz-SignedHeaders': 'host',
      'X-Amz-Signature': 'ab',
    });
    expect(claimOf({}, url)).toMatchObject({ accessKeyId: 'AKIA', service: 's3', expires: 0 });
  });
});
