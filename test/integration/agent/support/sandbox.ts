import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DeviceSide } from './fake-control-plane.ts';

export const run = promisify(execFile);

/**
 * What ends everything that a test left in a folder, however the test ended: it waits for the end of its input, which
 * comes with the death of whoever holds the other end.
 */
const janitorScript = `
cat >/dev/null
for pid in $(cat "$1"/pids/* 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
sleep 0.1
awk -v d="$1/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | tac | while read -r path; do
  fsfreeze --unfreeze "$path" 2>/dev/null
  umount "$path" 2>/dev/null || umount -l "$path"
done
losetup --json --list --output NAME,BACK-FILE,MAJ:MIN | jq -r --arg d "$1/" '.loopdevices[]? | select(."back-file" | startswith($d)) | .name + " " + ."maj:min"' |
  while read -r loop number; do rm -f "/run/udev/data/b$number"; losetup -d "$loop"; done
find /sys/fs/cgroup -depth -type d -path "*/$(basename "$1")*" -exec rmdir {} + 2>/dev/null
rm -rf "$1"
`;

export interface Sandbox {
  readonly dir: string;
  /** A process to be killed with the sandbox. */
  owns(pid: number): Promise<void>;
  close(): Promise<void>;
}

export async function openSandbox(): Promise<Sandbox> {
  const dir = await mkdtemp(join(tmpdir(), 'hivemind-agent-'));
  await mkdir(join(dir, 'pids'));
  const janitor = spawn('sh', ['-c', janitorScript, 'janitor', dir], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  });
  const ended = once(janitor, 'exit');
  return {
    dir,
    owns: (pid) => writeFile(join(dir, 'pids', String(pid)), `${pid}\n`),
    async close() {
      janitor.stdin.end();
      await ended;
    },
  };
}

export interface Loops extends DeviceSide {
  /** The device of a host's attachment. */
  deviceOf(host: string, serial: string): string;
  imageOf(serial: string): string;
}

/**
 * EBS as one machine can be it: a sparse image per volume, a loop device of its own per attachment, and its serial in
 * udev's database of that host.
 */
export function loopDevices(dir: string, udevOf: (host: string) => string = () => '/run/udev/data'): Loops {
  const loops = new Map<string, { device: string; entry: string }>();
  const keyOf = (host: string, serial: string): string => `${host} ${serial}`;
  const imageOf = (serial: string): string => join(dir, `${serial}.img`);
  return {
    imageOf,
    deviceOf(host, serial) {
      const loop = loops.get(keyOf(host, serial));
      if (loop === undefined) throw new ReferenceError(`${serial} is not on ${host}`);
      return loop.device;
    },
    async give(host, serial, sizeBytes) {
      const image = imageOf(serial);
      await writeFile(image, '', { flag: 'a' });
      await truncate(image, sizeBytes);
      const device = (await run('losetup', ['--find', '--show', image])).stdout.trim();
      const number = (await run('lsblk', ['-ndo', 'MAJ:MIN', device])).stdout.trim();
      await mkdir(udevOf(host), { recursive: true });
      const entry = join(udevOf(host), `b${number}`);
      await writeFile(entry, `E:ID_SERIAL_SHORT=${serial.replace('-', '')}\n`);
      loops.set(keyOf(host, serial), { device, entry });
    },
    async take(host, serial) {
      const loop = loops.get(keyOf(host, serial));
      if (loop === undefined) return;
      loops.delete(keyOf(host, serial));
      await rm(loop.entry, { force: true });
      await run('losetup', ['-d', loop.device]);
    },
  };
}
