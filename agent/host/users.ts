import { readdir, readFile, readlink } from 'node:fs/promises';
import { parseMountinfo, type MountEntry } from './mounts.ts';

/** A process whose own mount namespace holds a filesystem. */
export interface Holder {
  readonly pid: number;
  /** 64-hex id of the container it runs in, by its cgroup. */
  readonly container?: string;
  readonly mountpoint: string;
}

/** What to look for: a filesystem, and the directory of it that a volume is. */
export interface Held {
  /** "MAJ:MIN". */
  readonly device: string;
  /** "/" takes the whole filesystem. */
  readonly root: string;
}

/** Contract 6: who uses a volume, by the kernel's own tables. */
export interface Users {
  /** Processes of other mount namespaces that hold it; one per namespace. */
  of(held: Held): Promise<Holder[]>;
}

/** @param procfs mounted proc; a test gives a made one. */
export function kernelUsers(procfs = '/proc'): Users {
  return {
    async of(held) {
      const own = await readlink(`${procfs}/self/ns/mnt`);
      const ours = parseMountinfo(await readFile(`${procfs}/self/mountinfo`, 'utf8'));
      const seen = new Set([own]);
      const holders: Holder[] = [];
      for (const pid of await pids(procfs)) {
        const holder = await holderOf({ procfs, pid, held, ours, seen });
        if (holder !== undefined) holders.push(holder);
      }
      return holders;
    },
  };
}

interface Look {
  readonly procfs: string;
  readonly pid: number;
  readonly held: Held;
  readonly ours: readonly MountEntry[];
  readonly seen: Set<string>;
}

async function holderOf({ procfs, pid, held, ours, seen }: Look): Promise<Holder | undefined> {
  const base = `${procfs}/${pid}`;
  try {
    const namespace = await readlink(`${base}/ns/mnt`);
    if (seen.has(namespace)) return undefined;
    const entries = parseMountinfo(await readFile(`${base}/mountinfo`, 'utf8'));
    seen.add(namespace);
    const entry = entries.find((candidate) => isHeld(candidate, held) && !isPropagated(candidate, ours));
    if (entry === undefined) return undefined;
    const container = containerOf(await readFile(`${base}/cgroup`, 'utf8'));
    return { pid, mountpoint: entry.mountpoint, ...(container === undefined ? {} : { container }) };
  } catch {
    // It ended while we looked; a zombie has no namespace. Another process of its namespace answers for it.
    return undefined;
  }
}

async function pids(procfs: string): Promise<number[]> {
  return (await readdir(procfs)).filter((name) => /^\d+$/.test(name)).map(Number);
}

function isHeld(entry: MountEntry, { device, root }: Held): boolean {
  if (entry.device !== device) return false;
  return root === '/' || entry.root === root || entry.root.startsWith(`${root}/`);
}

/**
 * A service with namespaces of its own (systemd's PrivateTmp and the like) gets copies of our mounts by propagation;
 * they go with ours. Such a copy stands at the same path, in the same peer group or as its slave.
 */
function isPropagated(entry: MountEntry, ours: readonly MountEntry[]): boolean {
  const groups = new Set(entry.peers.map((peer) => peer.replace(/^\w+:/, '')));
  return ours.some(
    (own) =>
      own.mountpoint === entry.mountpoint &&
      own.device === entry.device &&
      own.peers.some((peer) => peer.startsWith('shared:') && groups.has(peer.slice('shared:'.length))),
  );
}

function containerOf(cgroup: string): string | undefined {
  return /(?:^|[/-])([0-9a-f]{64})(?:\.scope)?(?:$|\/)/m.exec(cgroup)?.[1];
}
