import { spawn } from 'node:child_process';
import { reportedOutput } from '#shared/model/verify.ts';

export interface CheckCommand {
  /** For `sh -c`. */
  readonly command: string;
  /** Working directory: the copy's data directory. */
  readonly directory: string;
  /** In milliseconds; then everything that it started is killed. */
  readonly timeoutMs: number;
}

export interface CheckResult {
  /** 124 where it did not end in time, as of timeout(1). */
  readonly code: number;
  /** The end of what it wrote, both streams. */
  readonly output: string;
}

const lateCode = 124;

/**
 * Runs a person's own check in mount and process namespaces of its own: what it mounts, and what it leaves running, ends with
 * it. Exit code 0 is a pass.
 */
export async function runCheck({ command, directory, timeoutMs }: CheckCommand): Promise<CheckResult> {
  // What the host unmounts meanwhile is unmounted here too: another volume is not kept busy for as long as the check takes.
  const isolated = [
    '--mount',
    '--propagation',
    'slave',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    `--wd=${directory}`,
  ];
  // Nor does it outlive the agent: it would keep the copy mounted.
  const mortal = ['--pdeathsig', 'KILL', 'unshare', ...isolated];
  const child = spawn('setpriv', [...mortal, '--', 'sh', '-c', command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C', HOME: '/nonexistent' },
  });
  let kept = Buffer.alloc(0);
  const keep = (chunk: Buffer): void => {
    kept = Buffer.concat([kept, chunk]).subarray(-reportedOutput);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const code = await new Promise<number>((resolve) => {
    child.once('error', (error) => {
      keep(Buffer.from(error.message));
      resolve(-1);
    });
    child.once('close', (exit) => resolve(exit ?? -1));
  }).finally(() => clearTimeout(timer));
  if (!isLate) return { code, output: textOf(kept) };
  keep(Buffer.from(`\nIt did not end within ${timeoutMs / 1000} s.`));
  return { code: lateCode, output: textOf(kept) };
}

/** Bytes that are no UTF-8 become one character each, which may be longer: cut again. */
function textOf(bytes: Buffer): string {
  return bytes.toString('utf8').trim().slice(-reportedOutput);
}
