import { execFile } from 'node:child_process';
import { ProductError } from '#shared/model/errors.ts';
import type { Log } from '#agent/log.ts';

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  /** Default 30 s; then the command is killed. */
  readonly timeoutMs?: number;
  /** Exit codes that are answers, not failures. Default: 0 only. */
  readonly accept?: readonly number[];
}

/** Runs the system's own tools. Never through a shell: arguments are an array. */
export interface Exec {
  /** @throws ProductError CommandFailed with the command's own words when it is missing, killed or exits otherwise. */
  run(file: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
}

const defaultTimeoutMs = 30_000;
const maxOutputBytes = 8 * 2 ** 20;

export function systemExec(log: Log): Exec {
  return {
    async run(file, args, options = {}) {
      const started = performance.now();
      const result = await spawn(file, args, options.timeoutMs ?? defaultTimeoutMs);
      const ms = Math.round(performance.now() - started);
      const accepted = result.failure === undefined && (options.accept ?? [0]).includes(result.code);
      log[accepted ? 'debug' : 'warn']('command', { file, args, ms, code: result.code });
      if (!accepted) throw failed(file, args, result);
      return result;
    },
  };
}

interface Outcome extends ExecResult {
  readonly failure?: string;
}

function spawn(file: string, args: readonly string[], timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = {
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: maxOutputBytes,
      env: { ...process.env, LC_ALL: 'C' },
    } as const;
    const child = execFile(file, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === 'number' && !error.killed) resolve({ code: error.code, stdout, stderr });
      else resolve({ code: -1, stdout, stderr, failure: reason(error, timeoutMs) });
    });
    // A child that never read its input (or never started) must not turn into an unhandled error here.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end();
  });
}

function reason(error: { killed?: boolean; code?: unknown; signal?: unknown }, timeoutMs: number): string {
  if (error.code === 'ENOENT') return 'is not installed';
  if (error.killed === true) return `did not end within ${timeoutMs / 1000} s`;
  return `was ended by ${String(error.signal ?? error.code)}`;
}

function failed(file: string, args: readonly string[], result: Outcome): ProductError {
  const words = result.stderr.trim() || result.stdout.trim();
  const how = result.failure ?? `failed with exit code ${result.code}`;
  return new ProductError(
    'CommandFailed',
    `"${[file, ...args].join(' ')}" ${how}${words ? `: ${words}` : '.'}`,
    {
      about: { command: file, code: String(result.code) },
    },
  );
}

/** Exit code of a CommandFailed; undefined when it was something else. */
export function exitCodeOf(error: unknown): number | undefined {
  if (!(error instanceof ProductError) || error.code !== 'CommandFailed') return undefined;
  return Number(error.details.about?.['code']);
}
