import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** A process as far as its mounts go. */
export interface MountView {
  readonly pid: number;
  readonly command: string;
  /** Which mount namespace it is in. */
  readonly namespace: string;
  /** Content of its /proc/PID/mountinfo. */
  readonly mountinfo: string;
}

/** A container that has a mount of ours. */
export interface MountUser {
  /** Where it is mounted here. */
  readonly path: string;
  readonly pid: number;
  readonly command: string;
}

interface Mount {
  readonly device: string;
  readonly root: string;
  readonly path: string;
}

const unescape = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));

function mountsIn(mountinfo: string): Mount[] {
  return mountinfo
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [, , device = '', root = '', path = ''] = line.split(' ');
      return { device, root: unescape(root), path: unescape(path) };
    });
}

/** Whether `theirs` shows what `ours` shows, or a part of it, elsewhere; at the same path it is a copy that goes with ours. */
const isOf = (theirs: Mount, ours: Mount): boolean =>
  theirs.device === ours.device &&
  theirs.path !== ours.path &&
  (theirs.root === ours.root || theirs.root.startsWith(`${ours.root === '/' ? '' : ours.root}/`));

/**
 * Who in other mount namespaces, which is containers, uses what is mounted below a folder here: one process of each
 * namespace and mount. `umount` does not say: a container's mount is one of its own.
 * @param own this process
 */
export function mountUsers(root: string, own: MountView, others: readonly MountView[]): MountUser[] {
  const ours = mountsIn(own.mountinfo).filter(({ path }) => path.startsWith(`${root}/`));
  if (ours.length === 0) return [];
  const seen = new Set([own.namespace]);
  return others.flatMap(({ pid, command, namespace, mountinfo }) => {
    if (seen.has(namespace)) return [];
    seen.add(namespace);
    const theirs = mountsIn(mountinfo);
    return ours
      .filter((mount) => theirs.some((one) => isOf(one, mount)))
      .map(({ path }) => ({ path, pid, command }));
  });
}

function viewOf(pid: string): MountView[] {
  try {
    return [
      {
        pid: Number(pid),
        command: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(),
        namespace: readlinkSync(`/proc/${pid}/ns/mnt`),
        mountinfo: readFileSync(`/proc/${pid}/mountinfo`, 'utf8'),
      },
    ];
  } catch {
    return []; // It ended while we looked.
  }
}

/** {@link mountUsers} of this machine as it is now. */
export function currentMountUsers(root: string): MountUser[] {
  const [own] = viewOf(String(process.pid));
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return own === undefined ? [] : mountUsers(root, own, pids.flatMap(viewOf));
}
