import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { childEnd, type ChildEnd } from './child.ts';
import { leaveOldRoot } from './leave-old-root.ts';

/**
 * GNU tar in a mount namespace and a root of its own: it sees the system's programs read-only and one directory to write
 * in, without devices. What it is fed has been checked; this holds even if the check or tar is wrong. The mounts go with
 * the process, however it ends.
 */
const script = `
root=$1/root
mount -t tmpfs -o size=256k,mode=0755 hivemind-unpack "$root"
for each in usr bin sbin lib lib64; do
  if [ -L "/$each" ]; then ln -s "$(readlink "/$each")" "$root/$each"
  elif [ -d "/$each" ]; then
    mkdir "$root/$each"
    mount --bind "/$each" "$root/$each"
    mount -o remount,bind,ro "$root/$each"
  fi
done
mkdir "$root/tree"
mount --bind "$1/tree" "$root/tree"
mount -o remount,bind,nosuid,nodev,noexec "$root/tree"
shift
${leaveOldRoot}
exec /usr/bin/env -i LC_ALL=C PATH=/usr/bin:/bin tar "$@"
`;

const tarOptions = [
  '--extract',
  '--file=-',
  '--directory=/tree',
  '--numeric-owner',
  '--same-owner',
  '--preserve-permissions',
  // Access lists are among them, as the kernel's own bytes: `--acls` would put text over them.
  '--xattrs',
  '--xattrs-include=*',
  // A directory's owner and times are set when all its content is there.
  '--delay-directory-restore',
  '--warning=no-timestamp',
  '--quoting-style=escape',
];

export interface ConfinedTar {
  readonly stdin: Writable;
  readonly ended: Promise<ChildEnd>;
  kill(): void;
}

/** Starts tar; `folder` holds two directories: `root`, to be its root, and `tree`, which it writes to. */
export function startConfinedTar(folder: string): ConfinedTar {
  const args = ['--mount', '--propagation', 'private', '--', 'sh', '-ceu', script, 'unpack', folder];
  const child = spawn('unshare', [...args, ...tarOptions], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  // Its end tells why; a broken pipe adds nothing.
  child.stdin.on('error', () => undefined);
  return { stdin: child.stdin, ended: childEnd(child), kill: () => void child.kill('SIGKILL') };
}
