import { execFile } from 'node:child_process';
import { readFileSync, statSync, type Stats } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import process from 'node:process';
import type { Answer, PlainRequest, Ran, Stat, System } from './system.ts';

/** Where administrators' tools lie; cron's PATH leaves them out. */
const toolPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const largestAnswer = 2 ** 20;

export function thisSystem(): System {
  return { run, read, stat, request, uid: process.getuid?.() ?? -1 };
}

/** A program that hangs in the kernel cannot be killed: it is left behind, and ends when the kernel lets it. */
function run(command: string, args: readonly string[], timeout: number): Promise<Ran> {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:${toolPath}`, LC_ALL: 'C' };
  return new Promise((resolve) => {
    const child = execFile(command, [...args], { env }, (error, stdout, stderr) => {
      clearTimeout(timer);
      const missing = (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
      const code = child.exitCode ?? undefined;
      resolve({ code: missing ? undefined : code, missing, timedOut: false, stdout, stderr });
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.unref();
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
      resolve({ code: undefined, missing: false, timedOut: true, stdout: '', stderr: '' });
    }, timeout);
  });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function stat(path: string): Stat | undefined {
  try {
    const stats = statSync(path);
    return { kind: kindOf(stats), uid: stats.uid, mode: stats.mode & 0o7777 };
  } catch {
    return undefined;
  }
}

function kindOf(stats: Stats): Stat['kind'] {
  if (stats.isDirectory()) return 'directory';
  if (stats.isSocket()) return 'socket';
  return stats.isFile() ? 'file' : 'other';
}

function request({
  url,
  method = 'GET',
  headers = {},
  body,
  socket,
  timeout,
}: PlainRequest): Promise<Answer | undefined> {
  const { request: send } = url.startsWith('https:') ? https : http;
  const signal = AbortSignal.timeout(timeout);
  const options = { method, headers, signal, ...(socket === undefined ? {} : { socketPath: socket }) };
  return new Promise((resolve) => {
    const call = send(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < largestAnswer) text += chunk;
      });
      response.on('error', () => resolve(undefined));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: plainHeaders(response.headers), text }),
      );
    });
    call.on('error', () => resolve(undefined));
    call.end(body);
  });
}

function plainHeaders(headers: http.IncomingHttpHeaders): Answer['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}
