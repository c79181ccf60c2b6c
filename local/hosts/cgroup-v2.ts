import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostCgroup } from './cgroup.ts';
import { killPids, pidsBelow, removeFolders } from './cgroup-files.ts';
import { waitFor } from './exec.ts';

const ROOT = '/sys/fs/cgroup';

/**
 * A cgroup under v2: one folder. A folder with controllers for its children may hold no process itself, so the host's
 * own processes are in `NAME/host` and the containers below `NAME/docker`.
 */
export function cgroupV2(name: string): HostCgroup {
  const dir = join(ROOT, name);
  const host = join(dir, 'host');
  const processes = (): number[] => pidsBelow(dir);
  const isFrozen = (): boolean =>
    existsSync(join(dir, 'cgroup.events')) &&
    /^frozen 1$/m.test(readFileSync(join(dir, 'cgroup.events'), 'utf8'));

  const setFrozen = async (frozen: boolean): Promise<void> => {
    if (!existsSync(dir)) return;
    writeFileSync(join(dir, 'cgroup.freeze'), frozen ? '1' : '0');
    await waitFor(`cgroup ${name} ${frozen ? 'freezes' : 'thaws'}`, () => isFrozen() === frozen);
  };

  return {
    dockerParent: `/${name}/docker`,
    create: () => {
      mkdirSync(host, { recursive: true });
    },
    joinFiles: () => [join(host, 'cgroup.procs')],
    freeze: () => setFrozen(true),
    thaw: () => setFrozen(false),
    isFrozen,
    killAll: async () => {
      await waitFor(
        `cgroup ${name} is empty`,
        () => {
          const kill = join(dir, 'cgroup.kill');
          // cgroup.kill (Linux 5.14) takes what forks meanwhile, and frozen ones, in one go.
          if (existsSync(kill)) writeFileSync(kill, '1');
          else killPids(processes());
          return processes().length === 0;
        },
        { within: 60_000 },
      );
    },
    processes,
    remove: () => removeFolders(dir),
  };
}
