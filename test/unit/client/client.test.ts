import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type ApiClient } from '#shared/client/client.ts';
import { isProductError } from '#shared/model/errors.ts';

interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}
const seen: { request: IncomingMessage; body: string }[] = [];
let answers: Answer[] = [];
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    seen.push({ request, body: Buffer.concat(chunks).toString() });
    const { status, body, headers } = answers.shift() ?? { status: 500, body: {} };
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  });
});

const now = Date.parse('2026-11-23T12:00:00Z');
const identity = {
  arn: 'arn:aws:iam::000000000000:user/ada',
  userId: 'AIDA1',
  account: '000000000000',
  now: '2026-11-23T12:00:00Z',
  version: '0.1.0',
};
let client: ApiClient;
let endpoint = '';

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  seen.length = 0;
  answers = [];
  client = createClient({
    endpoint,
    region: 'us-east-1',
    credentials: () => Promise.resolve({ accessKeyId: 'AKIA1', secretAccessKey: 's', sessionToken: 't' }),
    clock: () => now,
    sleep: () => Promise.resolve(),
  });
});

describe('a call', () => {
  it('is signed for execute-api with the clock and the session token', async () => {
    answers = [{ status: 200, body: identity }];
    const answer = await client.call('whoAmI');
    expect(answer.body).toEqual(identity);
    const headers = seen[0]?.request.headers;
    expect(headers?.['x-amz-date']).toBe('20261123T120000Z');
    expect(headers?.['x-amz-security-token']).toBe('t');
    expect(headers?.authorization).toContain('Credential=AKIA1/20261123/us-east-1/execute-api/aws4_request');
  });

  it('repeats query keys of a list and leaves out what is undefined', async () => {
    answers = [{ status: 200, body: { items: [] } }];
    await client.call('listVolumes', {
      params: { namespace: 'default' },
      query: { label: ['app=db', '!old'], limit: 5, cursor: undefined },
    });
    expect(seen[0]?.request.url).toBe('/v1/namespaces/default/volumes?label=app%3Ddb&label=%21old&limit=5');
  });

  it('refuses a name that would make another path, before anything is sent', async () => {
    const call = client.call('getVolume', { params: { namespace: 'default', name: '..' } });
    await expect(call).rejects.toMatchObject({ code: 'InvalidInput' });
    expect(seen).toHaveLength(0);
  });

  it('takes fields that it does not know yet, and refuses a body of another shape', async () => {
    answers = [{ status: 200, body: { ...identity, mood: 'good' } }];
    expect((await client.call('whoAmI')).body).toEqual(identity);
    answers = [{ status: 200, body: { ...identity, arn: 7 } }];
    await expect(
      createClient({ endpoint, region: 'r', tries: 1, credentials: creds }).call('whoAmI'),
    ).rejects.toMatchObject({ code: 'Internal' });
  });
});

const creds = () => Promise.resolve({ accessKeyId: 'A', secretAccessKey: 's' });

describe('a refusal', () => {
  it('is the problem that the API sent', async () => {
    const problem = {
      type: 'urn:hivemind:problem:VolumeBusy',
      title: 'The volume is in use',
      status: 409,
      code: 'VolumeBusy',
      detail: 'in use on i-0123456789abcdef0',
      retryable: true,
      about: { host: 'i-0123456789abcdef0' },
    };
    answers = [{ status: 409, body: problem }];
    const failure: unknown = await client
      .call('deleteVolume', { params: { namespace: 'default', name: 'a' }, query: {} })
      .catch((error: unknown) => error);
    expect(isProductError(failure, 'VolumeBusy')).toBe(true);
    expect(isProductError(failure) && failure.toProblem()).toEqual(problem);
    expect(seen).toHaveLength(1);
  });

  it("is understood in API Gateway's own words", async () => {
    answers = [
      { status: 403, body: { message: 'Forbidden' }, headers: { date: new Date(now).toUTCString() } },
    ];
    await expect(client.call('whoAmI')).rejects.toMatchObject({
      code: 'AccessDenied',
      message: 'The API answered 403: Forbidden.',
    });
  });

  it('with a Date far from our clock is repeated once with that time, which is kept', async () => {
    const date = new Date(now + 3_600_000).toUTCString();
    answers = [
      { status: 403, body: { message: 'Signature expired' }, headers: { date } },
      { status: 200, body: identity },
      { status: 200, body: identity },
    ];
    await client.call('whoAmI');
    await client.call('whoAmI');
    expect(seen.map(({ request }) => request.headers['x-amz-date'])).toEqual([
      '20261123T120000Z',
      '20261123T130000Z',
      '20261123T130000Z',
    ]);
  });
});

describe('a passing failure', () => {
  it('of a GET is tried again', async () => {
    answers = [
      { status: 503, body: { message: 'Service Unavailable' } },
      { status: 429, body: {} },
      { status: 200, body: identity },
    ];
    await client.call('whoAmI');
    expect(seen).toHaveLength(3);
  });

  it('of a POST is tried again only under an idempotency key', async () => {
    const params = { namespace: 'default', name: 'a' };
    const body = { host: 'i-0123456789abcdef0' };
    answers = [{ status: 503, body: {} }];
    await expect(client.call('attachVolume', { params, body })).rejects.toMatchObject({
      code: 'Unavailable',
    });
    expect(seen).toHaveLength(1);
    answers = [
      { status: 503, body: {} },
      { status: 409, body: {} },
    ];
    await expect(
      client.call('attachVolume', { params, body, headers: { 'idempotency-key': 'k' } }),
    ).rejects.toMatchObject({ code: 'InvalidInput' });
  });

  it('that no server answers is Unavailable and names the endpoint', async () => {
    const lone = createClient({ endpoint: 'http://127.0.0.1:1', region: 'r', tries: 1, credentials: creds });
    await expect(lone.call('whoAmI')).rejects.toMatchObject({
      code: 'Unavailable',
      message: 'The API at http://127.0.0.1:1 cannot be reached.',
    });
  });
});
