import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { HostError } from './errors.ts';

/** Options of {@link run}: `input` goes to stdin; `env` is added to ours; `timeout` in milliseconds (default 60,000); `cwd` a folder. */
export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeout?: number;
  readonly cwd?: string;
}

/** Outcome of a command that ended by itself, whatever its exit code. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a tool to its end and tells how it went.
 * @throws HostError `CommandFailed` if it could not be started or ran into the time limit.
 */
export function attempt(file: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { input, env, cwd, timeout = 60_000 } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { timeout, cwd, killSignal: 'SIGKILL', maxBuffer: 64 << 20, env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') {
          const how = error.killed ? `did not end within ${timeout} ms` : error.message;
          reject(new HostError('CommandFailed', `${file} ${args.join(' ')}: ${how}`, { cause: error }));
        } else resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
      },
    );
    // A tool that does not read its input closes the pipe early; its exit code tells more than EPIPE does.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** As {@link attempt}, but any exit code other than 0 throws `CommandFailed` with what the tool said. Gives stdout. */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await attempt(file, args, options);
  if (exitCode !== 0) {
    const said = (stderr || stdout).trim().slice(-2000);
    throw new HostError('CommandFailed', `${file} ${args.join(' ')} ended with ${exitCode}: ${said}`);
  }
  return stdout;
}

/** Starts a process that outlives us, with its output appended to a file. Gives its pid. */
export function launch(
  argv: readonly string[],
  log: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const [file = '', ...args] = argv;
  const out = openSync(log, 'a', 0o640);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { detached: true, stdio: ['ignore', out, out], env, cwd: '/' });
    closeSync(out);
    child.once('error', (cause) => {
      reject(new HostError('CommandFailed', `${argv.join(' ')} did not start: ${cause.message}`, { cause }));
    });
    child.once('spawn', () => {
      child.unref();
      resolve(child.pid ?? 0);
    });
  });
}

/** Polls until the condition holds; `within` and `every` in milliseconds. @throws HostError `TimedOut` naming what was awaited. */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { within = 30_000, every = 25 }: { within?: number; every?: number } = {},
): Promise<NonNullable<T>> {
  const deadline = Date.now() + within;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new HostError('TimedOut', `${what}: not within ${within / 1000} s`);
    await delay(every);
  }
}
