import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { checkout } from '../support/synth.ts';

export const installFolder = join(checkout, 'agent', 'install');

/** A folder of this test's own, gone with it. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'hivemind-install-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, without this process's own AWS settings. */
export async function run(
  argv: readonly [string, ...string[]],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const [file, ...args] = argv;
  const child = spawn(file, args, { env: { PATH: process.env['PATH'] ?? '', ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  return { status: child.exitCode, stdout, stderr };
}

/** Starts a metadata service and gives its address; stopped with the test. */
export async function fakeImds(options: { HOP_LIMIT?: string; TOKENS?: string } = {}): Promise<string> {
  const child: ChildProcess = spawn('python3', [join(import.meta.dirname, 'fake-imds.py')], {
    env: { PATH: process.env['PATH'] ?? '', ...options },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  if (child.stdout === null) return '';
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return `http://127.0.0.1:${port}`;
}

/** An S3 of one object: answers every GET with it, and keeps what it was asked. */
export async function fakeBucket(object: Buffer): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => {
    asked.push(request);
    response.end(object);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}/bucket/key.tar.gz`, asked };
}

/** A gzipped tar of a folder's files. */
export function packed(path: string): Buffer {
  return spawnSync('tar', ['-czf', '-', '-C', path, '.'], { maxBuffer: 1024 ** 2 }).stdout;
}
