import { execFile, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '#cli/doctor/finding.ts';
import { until } from '#test/support/until.ts';
import { buildForTests, writeConfig, type BuiltCli } from './built-cli.ts';
import { startFakeApi, type FakeApi } from './fake-api/fake-api.ts';
import { fakeKeys, fakeRegion } from './fake-api/signature.ts';

const exec = promisify(execFile);
const sh = async (...command: readonly string[]): Promise<string> =>
  (await exec(command[0] ?? '', command.slice(1))).stdout.trim();

let api: FakeApi;
let cli: BuiltCli;
/** What doctor left waiting on a frozen filesystem ends a moment after the thaw. */
const unmount = (point: string): Promise<boolean> =>
  until(`${point} unmounted`, () => sh('umount', point).then(() => true));

/** Undone in reverse order, whatever happened. */
const undo: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  api = await startFakeApi();
  cli = await buildForTests(api.url);
});
afterEach(async () => {
  const failures: unknown[] = [];
  for (const step of undo.splice(0).toReversed())
    await step().catch((error: unknown) => failures.push(error));
  expect(failures).toEqual([]);
});
afterAll(async () => {
  cli?.remove();
  await api?.stop();
});

/** No metadata service answers at this address. */
const noMetadata = { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9' };

async function diagnose(
  args: readonly string[],
  env: Readonly<Record<string, string>> = noMetadata,
): Promise<{ code: number | null; findings: Finding[] }> {
  const { code, stdout } = await cli.run(['doctor', '--json', ...args], env);
  return { code, findings: JSON.parse(stdout) as Finding[] };
}

const of = (findings: readonly Finding[], check: string): Finding | undefined =>
  findings.find((finding) => finding.check === check);

async function serveHealth(name: string, status: number, text: string): Promise<string> {
  const socket = path.join(cli.folder, name);
  const server = createServer((_request, response) => void response.writeHead(status).end(text));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  undo.push(() => new Promise((resolve) => server.close(resolve)));
  return socket;
}

function makeRoot(name: string, mode = 0o755): string {
  const root = path.join(cli.folder, name, 'volumes');
  mkdirSync(root, { recursive: true });
  chownSync(root, 0, 0);
  chmodSync(root, mode);
  return root;
}

/** A metadata service whose packets travel `ttl` hops. */
async function serveMetadata(ttl: number, v1: 'yes' | 'no'): Promise<Record<string, string>> {
  const script = path.join(import.meta.dirname, 'fake-metadata.py');
  const child = spawn('python3', [script, String(ttl), v1], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  undo.push(() => {
    child.stdin.end();
    return ended;
  });
  const port = await new Promise((resolve) =>
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim())),
  );
  return { AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${String(port)}` };
}

/** A filesystem on a loop device, mounted below the root's parent as the agent mounts. */
async function mountFilesystem(root: string): Promise<string> {
  const image = path.join(path.dirname(root), 'disk.img');
  const point = path.join(path.dirname(root), 'vol-1');
  mkdirSync(point);
  await sh('truncate', '-s', '16M', image);
  await sh('mkfs.ext4', '-q', image);
  await sh('mount', '-o', 'loop', image, point);
  undo.push(() => unmount(point));
  return point;
}

describe('hivemind doctor', () => {
  it('finds a working client well: a line each, exit 0', async () => {
    const { code, stdout } = await cli.run(['doctor', '--endpoint', api.url], noMetadata);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(
      `ok    settings: endpoint ${api.url} (flag), region us-east-1 (config file), namespace default (default)`,
    );
    expect(lines).toContain(`ok    credentials: key AKIDFAKE (config file)`);
    expect(lines).toContain(`ok    endpoint: ${api.url} answers`);
    expect(stdout).toMatch(/^ok {4}clock: /m);
    expect(lines).toContain(
      'ok    identity: arn:aws:iam::000000000000:user/fake, account 000000000000, API version 0.1.0',
    );
    expect(stdout).not.toContain(fakeKeys.secretAccessKey);
    expect(code).toBe(0);
  });

  it('names what fails with the remedy, exit 1', async () => {
    const home = path.join(cli.folder, 'away');
    writeConfig(home, { endpoint: 'http://127.0.0.1:1', region: fakeRegion, credentials: fakeKeys });
    const { code, stdout, stderr } = await cli.run(['doctor'], { HOME: home });
    expect(stdout).toMatch(/^fail {2}endpoint: http:\/\/127\.0\.0\.1:1 does not answer -> check the URL/m);
    expect(stderr).toMatch(/^hivemind: 1 of \d+ checks failed\.\n$/);
    expect(code).toBe(1);
  });

  it('says what to set when nothing is', async () => {
    const { code, stdout } = await cli.run(['doctor'], { HOME: cli.folder });
    expect(stdout).toContain('fail  settings: No API endpoint is set -> ');
    expect(code).toBe(1);
  });

  it('finds a healthy host well', async () => {
    const allowedRoots = [makeRoot('hostpaths'), '/nowhere'];
    const said = { healthy: true, linked: true, allowedRoots };
    const socket = await serveHealth('healthy.sock', 200, JSON.stringify(said));
    const root = makeRoot('healthy');
    await mountFilesystem(root);
    const { findings } = await diagnose(['--root', root, '--socket', socket]);
    expect(of(findings, 'agent')).toEqual({ check: 'agent', status: 'ok', message: 'healthy' });
    expect(of(findings, 'link')?.status).toBe('ok');
    expect(of(findings, 'roots')).toMatchObject({
      status: 'ok',
      message: `hostpath volumes may lie under ${allowedRoots.join(', ')}`,
    });
    expect(of(findings, 'root')?.status).toBe('ok');
    expect(of(findings, 'mounts')?.message).toBe(`1 under ${path.dirname(root)}, none stale, none frozen`);
  });

  it('finds a frozen filesystem, and changes nothing on it', async () => {
    const root = makeRoot('frozen');
    const point = await mountFilesystem(root);
    const before = await sh('stat', '-c', '%Y %Z', point);
    await sh('fsfreeze', '--freeze', point);
    undo.push(() => sh('fsfreeze', '--unfreeze', point));
    const { code, findings } = await diagnose(['--root', root, '--socket', '/nowhere']);
    expect(of(findings, 'frozen filesystem')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining(`${point} (ext4 on /dev/loop`) as string,
      remedy: `fsfreeze --unfreeze ${point}`,
    });
    expect(await sh('stat', '-c', '%Y %Z', point)).toBe(before);
    expect(code).toBe(1);
  });

  it('finds a mount whose directory is gone', async () => {
    const root = makeRoot('stale');
    const source = path.join(cli.folder, 'stale', 'source');
    mkdirSync(source);
    mkdirSync(path.join(root, 'data'));
    await sh('mount', '--bind', source, path.join(root, 'data'));
    undo.push(() => unmount(path.join(root, 'data')));
    await sh('rmdir', source);
    const { findings } = await diagnose(['--root', root, '--socket', '/nowhere']);
    expect(of(findings, 'stale mount')?.message).toContain('the directory behind it is deleted');
  });

  it('finds a metadata service that containers cannot reach well', async () => {
    const env = await serveMetadata(1, 'no');
    const { findings } = await diagnose(['--root', makeRoot('closed'), '--socket', '/nowhere'], env);
    expect(of(findings, 'imds')?.message).toBe('IMDSv2 only, on i-0123456789abcdef0');
    expect(of(findings, 'hop limit')).toEqual({ check: 'hop limit', status: 'ok', message: '1' });
  });

  it('finds a metadata service that makes each container the host', async () => {
    const env = await serveMetadata(2, 'yes');
    const { findings } = await diagnose(['--root', makeRoot('reachable'), '--socket', '/nowhere'], env);
    expect(of(findings, 'imds')).toMatchObject({
      status: 'fail',
      message: 'IMDSv1 is on: each container is this host',
    });
    expect(of(findings, 'hop limit')).toMatchObject({
      status: 'fail',
      message: 'above 1: each container is this host',
      remedy:
        'aws ec2 modify-instance-metadata-options --instance-id i-0123456789abcdef0 --http-tokens required --http-put-response-hop-limit 1',
    });
  });

  it('finds an agent whom the API does not take, and roots that others may write to', async () => {
    const open = makeRoot('anybody', 0o777);
    const said = { healthy: true, linked: false, allowedRoots: [makeRoot('ours'), open, '/etc/passwd'] };
    const socket = await serveHealth('refused.sock', 200, JSON.stringify(said));
    const { code, findings } = await diagnose(['--root', makeRoot('refused'), '--socket', socket]);
    expect(of(findings, 'link')).toMatchObject({
      status: 'fail',
      message: 'the API does not take this host',
      remedy: expect.stringMatching(/^check its instance profile/) as string,
    });
    expect(findings.filter(({ check }) => check === 'roots').map(({ message }) => message)).toEqual([
      `${open} can be written by others (mode 777)`,
      '/etc/passwd is not a directory',
    ]);
    expect(code).toBe(1);
  });

  it('finds a root that others may write to, and an agent that is not healthy', async () => {
    const socket = await serveHealth('ill.sock', 503, 'last sync 90 s ago,\n limit 60 s');
    const { findings } = await diagnose(['--root', makeRoot('open', 0o777), '--socket', socket]);
    expect(of(findings, 'root')?.message).toMatch(/can be written by others \(mode 777\)/);
    expect(of(findings, 'agent')?.message).toBe('not healthy: last sync 90 s ago, limit 60 s');
  });
});
