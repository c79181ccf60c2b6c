import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '#local/edge/sigv4/sha256.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import {
  as,
  call,
  makeApi,
  makeFunction,
  makeRole,
  makeUser,
  root,
  signedHeaders,
  type Keys,
} from './world.ts';

const source = `
exports.handler = async (event) => {
  if (event.rawPath === '/v1/fail') throw new Error('a secret of the handler');
  if (event.rawPath === '/v1/huge') return { statusCode: 200, body: 'x'.repeat(7e6) };
  if (event.rawPath === '/v1/slow') await new Promise((resolve) => setTimeout(resolve, 6000));
  if (event.rawPath === '/v1/teapot') return { statusCode: 418, headers: { 'content-type': 'text/plain', 'x-own': 'yes' }, cookies: ['a=1', 'b=2'], body: 'short' };
  return { statusCode: 200, body: JSON.stringify(event) };
};`;

interface Event {
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly body?: string;
  readonly isBase64Encoded: boolean;
  readonly cookies?: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly pathParameters?: Readonly<Record<string, string>>;
  readonly requestContext: {
    readonly http: { readonly sourceIp: string; readonly method: string; readonly path: string };
    readonly domainPrefix: string;
    readonly stage: string;
    readonly authorizer: { readonly iam: Readonly<Record<string, unknown>> };
  };
}

let cloud: TestCloud;
let user: Keys;
let reader: Keys;
let session: Keys;
let role: { arn: string; id: string };

beforeAll(async () => {
  cloud = await startCloud({ apiTimeout: 3000 });
  const arn = await makeFunction(cloud.aws, 'echo', { source, statements: [] });
  cloud.apiId = await makeApi(cloud.aws, arn, ['ANY /v1/{proxy+}', 'GET /v1/volumes/{name}']);
  const api = `arn:aws:execute-api:us-east-1:000000000000:${cloud.apiId}/$default`;
  const everything = { Action: 'execute-api:Invoke', Resource: `${api}/*` };
  user = await makeUser(cloud.aws, 'ada', [everything]);
  reader = await makeUser(cloud.aws, 'reader', [{ ...everything, Resource: `${api}/GET/*` }]);
  role = await makeRole(cloud.aws, 'host', { statements: [everything], trusts: { AWS: '*' } });
  const { Credentials } = await new STSClient(as(cloud.aws)).send(
    new AssumeRoleCommand({ RoleArn: role.arn, RoleSessionName: 'i-0123456789abcdef0' }),
  );
  session = {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  };
});

afterAll(() => cloud?.stop());

const event = async (answer: Response): Promise<Event> => {
  expect(answer.status).toBe(200);
  return (await answer.json()) as Event;
};

describe('a caller that may', () => {
  it('reaches the function at the root of the API port, as an IAM user', async () => {
    const seen = await event(await call(`${cloud.api}/v1/volumes/data?label=a%3Db&label=c`, user));
    expect(seen.rawPath).toBe('/v1/volumes/data');
    expect(seen.rawQueryString).toBe('label=a%3Db&label=c');
    expect(seen.pathParameters).toEqual({ name: 'data' });
    expect(seen.requestContext.stage).toBe('$default');
    expect(seen.requestContext.authorizer.iam).toMatchObject({
      accessKey: user.accessKeyId,
      accountId: '000000000000',
      userArn: 'arn:aws:iam::000000000000:user/ada',
      userId: expect.stringMatching(/^AIDA/) as string,
      callerId: expect.stringMatching(/^AIDA/) as string,
    });
  });

  it('reaches it as a role session, whose user id is the role id and the session name', async () => {
    const seen = await event(await call(`${cloud.api}/v1/x`, session));
    expect(role.id).toMatch(/^AROA/);
    expect(seen.requestContext.authorizer.iam).toEqual({
      accessKey: session.accessKeyId,
      accountId: '000000000000',
      callerId: `${role.id}:i-0123456789abcdef0`,
      cognitoIdentity: null,
      principalOrgId: null,
      userArn: 'arn:aws:sts::000000000000:assumed-role/host/i-0123456789abcdef0',
      userId: `${role.id}:i-0123456789abcdef0`,
    });
  });

  it('sends a body of any kind', async () => {
    const text = await event(
      await call(`${cloud.api}/v1/x`, user, {
        method: 'POST',
        body: '{"ü":1}',
        headers: { 'content-type': 'application/json' },
      }),
    );
    expect(text).toMatchObject({ body: '{"ü":1}', isBase64Encoded: false });
    const bytes = await event(
      await call(`${cloud.api}/v1/x`, user, {
        method: 'PUT',
        body: Uint8Array.of(0, 255, 1),
        headers: { 'content-type': 'application/octet-stream' },
      }),
    );
    expect(bytes).toMatchObject({ body: Buffer.of(0, 255, 1).toString('base64'), isBase64Encoded: true });
  });

  it('signs in the query of the URL', async () => {
    const url = new URL(`${cloud.api}/v1/x?one=1`);
    const signer = new SignatureV4({
      service: 'execute-api',
      region: 'us-east-1',
      credentials: { ...user },
      sha256: Sha256,
    });
    const { query } = await signer.presign(
      {
        method: 'GET',
        protocol: 'http:',
        hostname: url.hostname,
        path: url.pathname,
        query: { one: '1' },
        headers: { host: url.host },
      },
      { expiresIn: 60 },
    );
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, String(value));
    const seen = await event(await fetch(url));
    expect(seen.rawQueryString).toBe('one=1');
  });

  it('uses the addresses that the emulator gives the API', async () => {
    const seen = await event(await call(`${cloud.aws}/_aws/execute-api/${cloud.apiId}/$default/v1/x`, user));
    expect(seen.rawPath).toBe('/v1/x');
  });
});

describe('the event', () => {
  it('has the fields that AWS sends, and none that it leaves out', async () => {
    const seen = await event(
      await call(`${cloud.api}/v1/x`, user, {
        headers: { cookie: 'a=1; b=2', 'x-forwarded-for': '6.6.6.6' },
      }),
    );
    expect(seen.cookies).toEqual(['a=1', 'b=2']);
    expect(seen.headers).not.toHaveProperty('cookie');
    expect(seen.requestContext.domainPrefix).toBe(cloud.apiId);
    expect(seen.requestContext.http.sourceIp).toBe('127.0.0.1');
    expect(seen.pathParameters).toEqual({ proxy: 'x' });
    expect(Object.values(seen)).not.toContain(null);
  });
});

describe('the answer', () => {
  it('is the function’s own', async () => {
    const answer = await call(`${cloud.api}/v1/teapot`, user);
    expect(answer.status).toBe(418);
    expect(answer.headers.get('x-own')).toBe('yes');
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await answer.text()).toBe('short');
  });

  it('is 500 without a word of the error when the function throws', async () => {
    const answer = await call(`${cloud.api}/v1/fail`, user);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe('{"message":"Internal Server Error"}');
  });

  it('is 500 when it is larger than Lambda lets through', async () => {
    const answer = await call(`${cloud.api}/v1/huge`, user);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe('{"message":"Internal Server Error"}');
  });

  it('is 503 when the function takes longer than the API waits', async () => {
    const answer = await call(`${cloud.api}/v1/slow`, user);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toBe('{"message":"Service Unavailable"}');
  });

  it('is 413 for a body over 6 MB', async () => {
    const answer = await call(`${cloud.api}/v1/x`, user, { method: 'POST', body: 'x'.repeat((6 << 20) + 1) });
    expect(answer.status).toBe(413);
    expect(await answer.text()).toBe('{"message":"Request Entity Too Large"}');
  });

  it('is 404 where the API has no route', async () => {
    const answer = await call(`${cloud.api}/v2/x`, user);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe('{"message":"Not Found"}');
  });
});

const hour = 3_600_000;

const refused: Readonly<Record<string, () => Promise<Response>>> = {
  'a call without a signature': () => fetch(`${cloud.api}/v1/x`),
  'a bearer token': () => fetch(`${cloud.api}/v1/x`, { headers: { authorization: 'Bearer x' } }),
  'basic authentication': () =>
    fetch(`${cloud.api}/v1/x`, { headers: { authorization: 'Basic dGVzdDp0ZXN0' } }),
  'half a signature': () =>
    fetch(`${cloud.api}/v1/x`, { headers: { authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101' } }),
  'a key that nobody has': () =>
    call(`${cloud.api}/v1/x`, { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' }),
  'a wrong secret': () => call(`${cloud.api}/v1/x`, { ...user, secretAccessKey: 'wrong' }),
  'a root-like key with a wrong secret': () =>
    call(`${cloud.api}/v1/x`, { ...root, secretAccessKey: 'wrong' }),
  'a signature for another service': () => call(`${cloud.api}/v1/x`, user, { signing: { service: 's3' } }),
  'a signature for another Region': () =>
    call(`${cloud.api}/v1/x`, user, { signing: { region: 'eu-west-1' } }),
  'a signature of an hour ago': () =>
    call(`${cloud.api}/v1/x`, user, { signing: { date: new Date(Date.now() - hour) } }),
  'a signature of the next hour': () =>
    call(`${cloud.api}/v1/x`, user, { signing: { date: new Date(Date.now() + hour) } }),
  'another path than was signed': async () =>
    fetch(`${cloud.api}/v1/y`, { headers: await signedHeaders(`${cloud.api}/v1/x`, user) }),
  'another query than was signed': async () =>
    fetch(`${cloud.api}/v1/x?force=true`, { headers: await signedHeaders(`${cloud.api}/v1/x`, user) }),
  'another method than was signed': async () =>
    fetch(`${cloud.api}/v1/x`, { method: 'DELETE', headers: await signedHeaders(`${cloud.api}/v1/x`, user) }),
  'another body than was signed': async () => {
    const request = { method: 'POST', body: '{"size":"1G"}' };
    const headers = await signedHeaders(`${cloud.api}/v1/x`, user, request);
    return fetch(`${cloud.api}/v1/x`, { method: 'POST', body: '{"size":"9G"}', headers });
  },
  'a session without its token': () => {
    const { sessionToken: _token, ...keys } = session;
    return call(`${cloud.api}/v1/x`, keys);
  },
  'a session with another token': () => call(`${cloud.api}/v1/x`, { ...session, sessionToken: 'other' }),
  'a caller whose policy does not allow it': () =>
    call(`${cloud.api}/v1/x`, reader, { method: 'POST', body: '{}' }),
  'the emulator’s own address without a signature': () =>
    fetch(`${cloud.aws}/_aws/execute-api/${cloud.apiId}/$default/v1/x`, {
      headers: { authorization: 'Bearer x' },
    }),
};

describe('refused with API Gateway’s own answer:', () => {
  it.each(Object.keys(refused))('%s', async (what) => {
    const answer = await refused[what]?.();
    expect(answer?.status).toBe(403);
    expect(answer?.headers.get('content-type')).toBe('application/json');
    expect(answer?.headers.get('apigw-requestid')).toHaveLength(16);
    expect(Date.parse(answer?.headers.get('date') ?? '')).toBeGreaterThan(0);
    expect(await answer?.text()).toBe('{"message":"Forbidden"}');
  });

  it('while the same caller may do what its policy allows', async () => {
    expect((await call(`${cloud.api}/v1/x`, reader)).status).toBe(200);
  });
});
