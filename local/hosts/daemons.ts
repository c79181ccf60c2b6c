import { waitFor } from './exec.ts';
import { attemptInside, runInside } from './namespaces.ts';
import type { Inside } from './namespaces.ts';

/** Starts a program that its host's first process then owns: its pid (as the host counts) is in /run/hivemind. */
const START = `
log=$1 name=$2; shift 2
setsid sh -c 'echo $$ >"/run/hivemind/$0.pid"; exec "$@"' "$name" "$@" >>"$log" 2>&1 </dev/null &
`;

const SIGNAL = 'pid=$(cat "/run/hivemind/$1.pid" 2>/dev/null) && kill "-$2" "$pid" 2>/dev/null || true';

const ALIVE = 'pid=$(cat "/run/hivemind/$1.pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null';

/** A program that runs in the background of a host. */
export interface Daemon {
  readonly name: string;
  readonly argv: readonly string[];
  readonly log: string;
  /** The whole environment besides PATH, HOME and LANG: nothing of ours leaks in. */
  readonly env?: Readonly<Record<string, string>>;
}

/** PATH of everything that a host runs by itself. */
export const HOST_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Whether the daemon of that name runs. */
export async function daemonRuns(inside: Inside, name: string): Promise<boolean> {
  return (await attemptInside(inside, ['sh', '-c', ALIVE, 'sh', name])).exitCode === 0;
}

/** Starts it unless it runs. */
export async function startDaemon(inside: Inside, daemon: Daemon): Promise<void> {
  if (await daemonRuns(inside, daemon.name)) return;
  const env = { PATH: HOST_PATH, HOME: '/root', LANG: 'C.UTF-8', ...daemon.env };
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const start = ['sh', '-c', START, 'sh', daemon.log, daemon.name];
  await runInside(inside, [...start, 'env', '-i', ...variables, ...daemon.argv]);
}

/** Sends a signal to a daemon by its name; none of that name is fine. */
export async function signalDaemon(inside: Inside, name: string, signal: 'TERM' | 'KILL'): Promise<void> {
  await runInside(inside, ['sh', '-c', SIGNAL, 'sh', name, signal]);
}

/** Ends a daemon with SIGTERM, and with SIGKILL when it takes longer than `within` milliseconds. None is fine. */
export async function endDaemon(inside: Inside, name: string, within = 30_000): Promise<void> {
  await signalDaemon(inside, name, 'TERM');
  const gone = async (): Promise<boolean> => !(await daemonRuns(inside, name));
  await waitFor(`${name} ends`, gone, { within }).catch(() => signalDaemon(inside, name, 'KILL'));
  await waitFor(`${name} is gone`, gone);
}
