import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { launch, waitFor } from '#local/hosts/exec.ts';
import { isAlive, kill, processRef, signal, type ProcessRef } from '#local/hosts/processes.ts';
import { writeJson } from './cloud-file.ts';
import { CloudError } from './errors.ts';

/** A long-running process of the cloud. */
export interface Service {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Whether it answers. */
  readonly ready: () => Promise<boolean>;
  /** Hash of what it runs: another hash means that it is old and is started again. */
  readonly version: string;
  /** Milliseconds from SIGTERM to SIGKILL; default 10,000. */
  readonly grace?: number;
}

interface PidFile extends ProcessRef {
  readonly version: string;
}

const pidPath = (home: string, name: string): string => join(home, 'run', `${name}.pid`);
export const logPath = (home: string, name: string): string => join(home, 'logs', `${name}.log`);

function readPid(home: string, name: string): PidFile | undefined {
  const path = pidPath(home, name);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as PidFile) : undefined;
}

export function runningProcess(home: string, name: string): ProcessRef | undefined {
  const pid = readPid(home, name);
  return isAlive(pid) ? pid : undefined;
}

/**
 * Sees that a service runs, is of this version and answers. One that runs already is left alone.
 * @throws CloudError ProcessFailed with the end of its log when it ends or does not answer.
 */
export async function ensureService(home: string, service: Service): Promise<void> {
  const running = readPid(home, service.name);
  if (isAlive(running)) {
    if (running.version === service.version && (await service.ready())) return;
    await stopService(home, service.name, service.grace);
  }
  mkdirSync(join(home, 'logs'), { recursive: true });
  const pid = await launch(service.argv, logPath(home, service.name), service.env ?? process.env);
  const started = processRef(pid);
  if (started) writeJson(pidPath(home, service.name), { ...started, version: service.version });
  await waitFor(`${service.name} answers`, async () => ended(home, service, started) ?? service.ready(), {
    within: 60_000,
    every: 50,
  });
}

function ended(home: string, service: Service, started: ProcessRef | undefined): undefined {
  if (isAlive(started)) return undefined;
  throw new CloudError(
    'ProcessFailed',
    `${service.name} ended while starting. Its log says:\n${tailOf(logPath(home, service.name))}`,
  );
}

export async function stopService(home: string, name: string, grace = 10_000): Promise<void> {
  const running = runningProcess(home, name);
  if (running) {
    signal(running, 'SIGTERM');
    await waitFor(`${name} stops`, () => !isAlive(running), { within: grace }).catch(() => kill(running));
    endGroup(running.pid);
  }
  rmSync(pidPath(home, name), { force: true });
}

/** Whatever it had started and left behind, such as the emulator's function processes: they are of its group. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export function tailOf(path: string, lines = 20): string {
  if (!existsSync(path)) return '(no log)';
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
