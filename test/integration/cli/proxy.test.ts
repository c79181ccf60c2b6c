import type { ChildProcess } from 'node:child_process';
import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Problem } from '#shared/model/errors.ts';
import { buildForTests, type BuiltCli, type Ended } from './built-cli.ts';
import { startFakeApi, type FakeApi } from './fake-api/fake-api.ts';

let api: FakeApi;
let cli: BuiltCli;
let proxy: ChildProcess;
let port: number;

beforeAll(async () => {
  api = await startFakeApi();
  cli = await buildForTests(api.url);
  proxy = cli.start(['proxy', '--port', '0']);
  port = await announcedPort(proxy);
});
afterAll(async () => {
  proxy?.kill('SIGTERM');
  cli?.remove();
  await api?.stop();
});
beforeEach(() => api.reset());

function announcedPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const found = /http:\/\/localhost:(\d+) /.exec(said)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    child.once('exit', () => reject(new Error(said)));
  });
}

const curl = (...args: readonly string[]): Promise<Ended> =>
  cli.shell('/usr/bin/curl', ['-sS', '-i', ...args]);

interface Raw {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

function raw({
  method = 'GET',
  path = '/api/volumes',
  headers = {},
  body,
}: Raw): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

describe('hivemind proxy', () => {
  it('makes the documents’ curl lines work as printed', async () => {
    const url = `http://localhost:${port}/api/volumes`;
    const body =
      '{ "name": "my-data-volume", "size": "10G", "type": "local", "labels": { "app": "db", "env": "prod" } }';
    const made = await curl(
      '-X',
      'POST',
      `${url}/create`,
      '-H',
      'Content-Type: application/json',
      '-d',
      body,
    );
    expect(made.stdout).toMatch(/^HTTP\/1\.1 202 /);
    const listed = await curl('-X', 'GET', url);
    expect(listed.stdout).toMatch(/^HTTP\/1\.1 200 /);
    expect(listed.stdout).toContain('"name":"my-data-volume"');
  });

  it('signs the path and the query as they are', async () => {
    const { status } = await raw({
      path: '/v1/namespaces/default/volumes?label=app%3Ddb&label=%21old&limit=5',
    });
    expect(status).toBe(200);
    expect(api.calls[0]?.query).toBe('?label=app%3Ddb&label=%21old&limit=5');
  });

  it('passes on what the API needs and nothing of the caller’s own', async () => {
    await raw({
      headers: {
        host: `localhost:${port}`,
        authorization: 'Bearer stolen',
        cookie: 'session=1',
        'x-forwarded-for': '10.0.0.1',
        'idempotency-key': 'k1',
        'x-amz-security-token': 'other',
      },
    });
    const headers = api.calls[0]?.headers;
    expect(headers?.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDFAKE\//);
    expect(headers?.['idempotency-key']).toBe('k1');
    expect(headers).not.toHaveProperty('cookie');
    expect(headers).not.toHaveProperty('x-forwarded-for');
    expect(headers).not.toHaveProperty('x-amz-security-token');
  });

  it('gives the API’s problems as they are', async () => {
    const { status, text } = await raw({ path: '/v1/namespaces/default/volumes/nowhere' });
    expect(status).toBe(404);
    expect((JSON.parse(text) as Problem).code).toBe('VolumeNotFound');
  });

  it.each([
    ['a foreign Host (DNS rebinding)', { headers: { host: 'evil.example:3000' } }],
    ['a Host that only begins like loopback', { headers: { host: 'localhost.evil.example' } }],
    ['another port', { headers: { host: 'localhost:1' } }],
    ['a foreign Origin', { headers: { origin: 'https://evil.example' } }],
    ['the null Origin of a sandboxed frame', { headers: { origin: 'null' } }],
    ['another loopback port’s Origin', { headers: { origin: 'http://localhost:1' } }],
    ['a cross-site fetch', { headers: { 'sec-fetch-site': 'cross-site' } }],
    ['a same-site fetch', { headers: { 'sec-fetch-site': 'same-site' } }],
    ['a preflight of another origin', { method: 'OPTIONS', headers: { origin: 'https://evil.example' } }],
  ] satisfies [string, Raw][])('refuses %s', async (_what, call) => {
    const headers = { host: `localhost:${port}`, ...call.headers };
    const { status, text } = await raw({ ...call, headers });
    expect(status).toBe(403);
    expect((JSON.parse(text) as Problem).code).toBe('AccessDenied');
    expect(api.calls).toEqual([]);
  });

  it.each(['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain', ''])(
    'refuses a cross-site form post: %j',
    async (type) => {
      const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
      const { status } = await raw({
        method: 'POST',
        path: '/api/volumes/delete',
        headers,
        body: '{"name":"x"}',
      });
      expect(status).toBe(415);
      expect(api.calls).toEqual([]);
    },
  );

  it('takes calls of its own origin', async () => {
    const headers = {
      origin: `http://localhost:${port}`,
      'sec-fetch-site': 'same-origin',
      host: `localhost:${port}`,
    };
    expect((await raw({ headers })).status).toBe(200);
  });

  it('refuses a target that is not a path', async () => {
    expect((await raw({ path: 'http://169.254.169.254/latest/meta-data' })).status).toBe(400);
    expect((await raw({ path: '//evil.example/x' })).status).toBe(400);
    expect(api.calls).toEqual([]);
  });

  it('refuses a body beyond 6 MB', async () => {
    const body = Buffer.alloc(6 * 2 ** 20 + 1, 0x20);
    const headers = { 'content-type': 'application/json' };
    const { status, text } = await raw({ method: 'POST', path: '/api/volumes/create', headers, body });
    expect(status).toBe(413);
    expect((JSON.parse(text) as Problem).code).toBe('BodyTooLarge');
    expect(api.calls).toEqual([]);
  });

  it('says so when its port is taken', async () => {
    const { code, stderr } = await cli.run(['proxy', '--port', String(port)]);
    expect(stderr).toContain(`Port ${port} is taken.`);
    expect(code).toBe(4);
  });

  it('ends cleanly when it is told to', async () => {
    const other = cli.start(['proxy', '--port', '0']);
    await announcedPort(other);
    const ended = new Promise((resolve) => other.once('exit', resolve));
    other.kill('SIGINT');
    expect(await ended).toBe(0);
  });
});
