import { readFile } from 'node:fs/promises';
import type { Exec } from './exec.ts';

/** One line of /proc/PID/mountinfo. Source: proc(5). */
export interface MountEntry {
  /** "MAJ:MIN" of the filesystem. */
  readonly device: string;
  /** Path inside the filesystem that shows at the mountpoint. */
  readonly root: string;
  readonly mountpoint: string;
  readonly options: readonly string[];
  /** Propagation: "shared:N", "master:N". */
  readonly peers: readonly string[];
  readonly fstype: string;
  readonly source: string;
}

export interface MountRequest {
  readonly source: string;
  readonly target: string;
  readonly fstype: string;
  readonly options: readonly string[];
  readonly timeoutMs?: number;
}

/** The kernel's mount table of this host, and the tools that change it. */
export interface Mounts {
  list(): Promise<MountEntry[]>;
  mount(request: MountRequest): Promise<void>;
  /** Binds `source` at `target`. A /proc/PID/fd/N source is not resolved to a path first: the descriptor is what is bound. */
  bind(source: string, target: string): Promise<void>;
  remount(target: string, options: readonly string[]): Promise<void>;
  /** Never lazy. @throws ProductError CommandFailed when it is busy. */
  unmount(target: string): Promise<void>;
}

const unmountTimeoutMs = 10 * 60_000;

export function systemMounts(exec: Exec): Mounts {
  return {
    list: async () => parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')),
    async mount({ source, target, fstype, options, timeoutMs = 120_000 }) {
      const listed = options.length === 0 ? [] : ['-o', options.join(',')];
      await exec.run('mount', ['-t', fstype, ...listed, '--', source, target], { timeoutMs });
    },
    async bind(source, target) {
      await exec.run('mount', ['--no-canonicalize', '--bind', '--', source, target]);
    },
    async remount(target, options) {
      await exec.run('mount', ['-o', ['remount', ...options].join(','), '--', target]);
    },
    async unmount(target) {
      // Writing out what is dirty may take minutes; giving up would not make it faster.
      await exec.run('umount', ['--no-canonicalize', '--', target], { timeoutMs: unmountTimeoutMs });
    },
  };
}

export function parseMountinfo(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine)
    .filter((entry) => entry !== undefined);
}

function parseLine(line: string): MountEntry | undefined {
  const [left = '', right = ''] = line.split(' - ', 2);
  const [, , device, root, mountpoint, options, ...peers] = left.split(' ');
  const [fstype, source] = right.split(' ');
  if (device === undefined || root === undefined || mountpoint === undefined) return undefined;
  return {
    device,
    root: unescape(root),
    mountpoint: unescape(mountpoint),
    options: (options ?? '').split(','),
    peers,
    fstype: fstype ?? '',
    source: unescape(source ?? ''),
  };
}

/** Space, tab, newline and backslash are octal there. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** What shows at a path: the last entry that was mounted over it. */
export function mountedAt(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  return entries.findLast((entry) => entry.mountpoint === path);
}
