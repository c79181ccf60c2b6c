import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmulatorError } from './errors.ts';

/** The launcher's folder in a checkout. Its Python files belong together: whoever copies one copies all. */
export const launcherFolder = import.meta.dirname;

export interface EmulatorOptions {
  /** The local cloud's folder: state goes to `home/emulator`, the identity socket to `home/run/identity.sock`. */
  readonly home: string;
  /** Virtual environment with the pinned emulator (see venv.ts). */
  readonly venv: string;
  /** Folder with the launcher's Python files. @default the one in the checkout */
  readonly launcher?: string;
  /** Folder whose `node` runs the functions: node 24. @default the folder of the node that runs us */
  readonly nodeFolder?: string;
  /** `emulator`: where it listens. `aws`: the edge's port, which is what its URLs and its functions name. */
  readonly ports: { readonly emulator: number; readonly aws: number };
}

export interface EmulatorCommand {
  readonly argv: readonly [string, ...string[]];
  /** The whole environment, since it leaks into every function: nothing of ours may be added to it. */
  readonly env: Readonly<Record<string, string>>;
}

export const identitySocket = (home: string): string => join(home, 'run', 'identity.sock');

/** How to start the emulator: on loopback alone, with IAM enforced and state kept. Makes the folders it needs. */
export function emulatorCommand(options: EmulatorOptions): EmulatorCommand {
  const { home, venv, ports, launcher = launcherFolder } = options;
  const data = join(home, 'emulator');
  for (const dir of [join(data, 'tmp'), join(home, 'run')]) mkdirSync(dir, { recursive: true });
  // Functions and their CommonJS runner are unpacked here: a package.json further up (a checkout's) must not make them ESM.
  writeFileSync(join(data, 'tmp', 'package.json'), '{}\n');
  const python = join(venv, 'bin', 'python');
  const where = ['--port', String(ports.emulator), '--identity-socket', identitySocket(home)];
  return {
    argv: [python, '-B', join(launcher, 'launcher.py'), ...where],
    env: {
      PATH: `${options.nodeFolder ?? dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      HOME: join(data, 'tmp'),
      TMPDIR: join(data, 'tmp'),
      GATEWAY_PORT: String(ports.aws),
      BIND_HOST: '127.0.0.1',
      MINISTACK_HOST: '127.0.0.1',
      AWS_ENDPOINT_URL: `http://127.0.0.1:${ports.aws}`,
      AUTH: 'true',
      PERSIST_STATE: '1',
      STATE_DIR: join(data, 'state'),
      S3_PERSIST: '1',
      S3_DATA_DIR: join(data, 's3'),
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
    },
  };
}

/** Whether an emulator answers on that port. */
export async function emulatorReady(port: number): Promise<boolean> {
  const url = `http://127.0.0.1:${port}/_ministack/health`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true;
}

/** A running emulator that belongs to this process (tests; `npm run up` starts its own detached from the same command). */
export interface Emulator {
  readonly pid: number;
  /** SIGTERM, and SIGKILL after 10 s: a custom resource that never answers would keep it alive. State is saved. */
  stop(): Promise<void>;
  /** SIGKILL: what was not saved yet is lost. */
  kill(): Promise<void>;
}

/**
 * Starts the emulator and waits until it answers. Its output goes to `home/logs/emulator.log`.
 * @throws EmulatorError NotReady with the end of its log.
 */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { argv, env } = emulatorCommand(options);
  const log = join(options.home, 'logs', 'emulator.log');
  mkdirSync(dirname(log), { recursive: true });
  const out = openSync(log, 'a', 0o600);
  const [file, ...args] = argv;
  const child = spawn(file, [...args, '--tied'], {
    env,
    stdio: ['ignore', out, out],
    detached: true,
    cwd: '/',
  });
  closeSync(out);
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => resolve()).once('error', () => resolve()),
  );
  const stopWith = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await Promise.race([ended, delay(10_000)]);
    killGroup(child);
    await ended;
  };
  try {
    await ready(child, options.ports.emulator);
  } catch (cause) {
    await stopWith('SIGKILL');
    const said = readFileSync(log, 'utf8').slice(-2000);
    throw new EmulatorError('NotReady', `The emulator did not start. Its log says:\n${said}`, { cause });
  }
  return { pid: child.pid ?? 0, stop: () => stopWith('SIGTERM'), kill: () => stopWith('SIGKILL') };
}

async function ready(child: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await emulatorReady(port))) {
    if (child.exitCode !== null || child.pid === undefined || Date.now() > deadline) {
      throw new EmulatorError('NotReady', 'It ended, or does not answer after 30 s.');
    }
    await delay(25);
  }
}

/** Its functions' processes are of its process group. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The whole group is gone already.
  }
}
