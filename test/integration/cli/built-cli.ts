import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { buildCli } from '#cli/build.ts';
import { fakeKeys, fakeRegion } from './fake-api/signature.ts';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The CLI as users have it: built, in a folder of its own, with `hivemind` in a bin folder. */
export interface BuiltCli {
  readonly folder: string;
  /** A folder to put on PATH. */
  readonly bin: string;
  readonly home: string;
  /** What cron gives a job, and nothing else. */
  readonly cronEnv: Readonly<Record<string, string>>;
  run(args: readonly string[], env?: Readonly<Record<string, string>>, stdin?: string): Promise<Ended>;
  start(args: readonly string[]): ChildProcess;
  /** Runs a program under cron's environment, `hivemind` being on its PATH. */
  shell(program: string, args: readonly string[]): Promise<Ended>;
  remove(): void;
}

export async function buildForTests(endpoint: string): Promise<BuiltCli> {
  const folder = mkdtempSync(path.join(tmpdir(), 'hivemind-cli-'));
  const main = path.join(folder, 'lib', 'hivemind.mjs');
  await buildCli(main);
  const home = path.join(folder, 'home');
  const bin = path.join(folder, 'bin');
  writeConfig(home, { endpoint, region: fakeRegion, credentials: fakeKeys });
  installWrapper(bin, main);
  const cronEnv = { PATH: '/usr/bin:/bin', HOME: home };
  const run = (
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    stdin = '',
  ): Promise<Ended> => end(process.execPath, [main, ...args], { env: { ...cronEnv, ...env }, stdin });
  return {
    folder,
    bin,
    home,
    cronEnv,
    run,
    start: (args) => spawn(process.execPath, [main, ...args], { env: cronEnv, stdio: 'pipe' }),
    shell: (program, args) =>
      end(program, args, { env: { ...cronEnv, PATH: `${bin}:/usr/bin:/bin` }, stdin: '' }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function writeConfig(home: string, config: object, mode = 0o600): void {
  const file = path.join(home, '.config', 'hivemind', 'config.json');
  mkdirFor(file);
  writeFileSync(file, JSON.stringify(config), { mode });
}

function installWrapper(bin: string, main: string): void {
  const file = path.join(bin, 'hivemind');
  mkdirFor(file);
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 });
}

function mkdirFor(file: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
}

interface Ending {
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

function end(program: string, args: readonly string[], { env, stdin }: Ending): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(program, [...args], { env, timeout: 60_000 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end(stdin);
  });
}
