import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { BytePath } from '#shared/model/byte-path.ts';
import { childEnd, type ChildEnd } from '#agent/archives/child.ts';
import { leaveOldRoot } from '#agent/archives/leave-old-root.ts';
import { programFolders } from './find-restic.ts';

/**
 * restic in a mount namespace and a root of its own: it sees the system's programs and certificates read-only, its cache, and
 * one directory, under the same path on every host. What a repository says is not trusted: nothing that it restores
 * gets out of that directory, and no device is made. It is killed with the agent, so that no second one works on
 * the same task. The mounts go with the process, however it ends.
 */
const script = `
root=$1 cache=$2 directory=$3 path=$4 how=$5 last=$6
mount -t tmpfs -o size=1m,mode=0755 hivemind-restic "$root"
readable() {
  if [ -d "$1" ]; then mkdir -p "$root$1"; else : >"$root$1"; fi
  mount --bind "$1" "$root$1"
  mount -o remount,bind,ro "$root$1"
}
for each in usr bin sbin lib lib64; do
  if [ -L "/$each" ]; then ln -s "$(readlink "/$each")" "$root/$each"
  elif [ -d "/$each" ]; then readable "/$each"
  fi
done
mkdir "$root/etc" "$root/cache"
for each in ssl pki ca-certificates resolv.conf hosts nsswitch.conf; do
  if [ -e "/etc/$each" ]; then readable "/etc/$each"; fi
done
mount --bind "$cache" "$root/cache"
mount -o remount,bind,nosuid,nodev,noexec "$root/cache"
if [ -n "$directory" ]; then
  mkdir -p "$root$path"
  mount --bind "$directory" "$root$path"
  mount -o "remount,bind,$how,nosuid,nodev,noexec" "$root$path"
fi
shift 6
if [ -n "$last" ]; then
  # With a mark behind it: a shell drops newlines at the end.
  last=$(printf '%b' "$last"; printf .)
  set -- "$@" "\${last%.}"
fi
${leaveOldRoot}
exec setpriv --pdeathsig=KILL --bounding-set=-mknod restic "$@"
`;

export interface ResticPlaces {
  /** Empty directory that becomes its root. */
  readonly root: string;
  readonly cache: string;
}

/** A directory of this host that it sees. */
export interface Shown {
  readonly directory: string;
  /** Where it sees it. */
  readonly path: string;
  readonly how: 'ro' | 'rw';
}

export interface ResticCall {
  readonly args: readonly string[];
  readonly password: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly shown?: Shown;
  readonly signal: AbortSignal;
  /** The last argument where it is a path in a snapshot: bytes, which no argument of Node's can carry. */
  readonly last?: BytePath;
}

/** Of a call whose lines are collected. */
export interface ResticLines extends ResticCall {
  /** Which lines of its output are kept. @default all */
  readonly keep?: (line: string) => boolean;
}

export interface ResticEnd extends ChildEnd {
  readonly lines: readonly string[];
}

/** restic says so in the midst of what it answers. */
const asksForPassword = 'reading repository password from stdin';

const proxies = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy'];

/** restic at work. */
export interface RunningRestic {
  readonly stdout: Readable;
  readonly ended: Promise<ChildEnd>;
  /** Asks it to end; it lets its lock go. */
  interrupt(): void;
}

/** Runs restic to its end. Never rejects; aborted, it is asked to end and lets its lock go. */
export async function runRestic(places: ResticPlaces, call: ResticLines): Promise<ResticEnd> {
  const { keep = () => true } = call;
  const { stdout, ended } = startRestic(places, call);
  const lines: string[] = [];
  createInterface({ input: stdout }).on('line', (line) => {
    if (line !== asksForPassword && keep(line)) lines.push(line);
  });
  return { ...(await ended), lines };
}

/** Starts restic. Aborted, it is asked to end. What it writes is to be read, or it does not end. */
export function startRestic(places: ResticPlaces, call: ResticCall): RunningRestic {
  const { args, password, environment, shown, signal, last = '' } = call;
  const { directory = '', path = '', how = 'ro' } = shown ?? {};
  const setup = [places.root, places.cache, directory, path, how, octal(last)];
  const into = ['--mount', '--propagation', 'private', '--', 'sh', '-ceu', script, 'restic'];
  const child = spawn('unshare', [...into, ...setup, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...baseEnvironment(), ...environment },
  });
  // Its end tells why; a broken pipe adds nothing.
  child.stdin.on('error', () => undefined);
  child.stdin.end(`${password}\n`);
  const interrupt = (): void => void child.kill('SIGINT');
  if (signal.aborted) interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  const ended = childEnd(child).finally(() => signal.removeEventListener('abort', interrupt));
  return { stdout: child.stdout, ended, interrupt };
}

/** As the shell's printf takes it. */
function octal(path: BytePath): string {
  const escape = (byte: number): string => `\\0${byte.toString(8).padStart(3, '0')}`;
  return [...Buffer.from(path, 'latin1')].map(escape).join('');
}

/** Nothing of the agent's own but its proxies. */
function baseEnvironment(): Record<string, string> {
  const kept = Object.fromEntries(
    proxies.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  return {
    ...kept,
    LC_ALL: 'C',
    PATH: `${programFolders.join(':')}:/usr/sbin:/sbin`,
    HOME: '/cache',
    TMPDIR: '/cache',
    RESTIC_CACHE_DIR: '/cache',
    // Without a terminal there is nobody to see it.
    RESTIC_PROGRESS_FPS: '0.1',
  };
}
