import { mkdirSync, readFileSync, readdirSync, writeFileSync, existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { HostCgroup } from './cgroup.ts';
import { killPids, pidsBelow, removeFolders } from './cgroup-files.ts';
import { waitFor } from './exec.ts';

const ROOT = '/sys/fs/cgroup';

/** cpuset is left out: a fresh one has no CPUs and takes no process, and runc makes its own when it needs one. */
const CONTROLLERS = ['cpu', 'cpuacct', 'memory', 'devices', 'freezer', 'blkio', 'pids'];

/** Every hierarchy, joined ones once: Docker makes a folder of our name in those that we do not use as well. */
function hierarchies(): string[] {
  return readdirSync(ROOT).filter((name) => !lstatSync(join(ROOT, name)).isSymbolicLink());
}

/** A cgroup under v1: the same folder name in each controller's hierarchy. */
export function cgroupV1(name: string): HostCgroup {
  const folders = (): string[] =>
    CONTROLLERS.map((controller) => join(ROOT, controller))
      .filter((path) => existsSync(path))
      .map((path) => join(path, name));
  const freezer = join(ROOT, 'freezer', name, 'freezer.state');
  const state = (): string => (existsSync(freezer) ? readFileSync(freezer, 'utf8').trim() : 'THAWED');
  const processes = (): number[] => pidsBelow(join(ROOT, 'pids', name));

  const thaw = async (): Promise<void> => {
    if (!existsSync(freezer)) return;
    writeFileSync(freezer, 'THAWED');
    await waitFor(`cgroup ${name} thaws`, () => state() === 'THAWED');
  };

  return {
    dockerParent: `/${name}`,
    create: () => {
      for (const folder of folders()) mkdirSync(folder, { recursive: true });
    },
    joinFiles: () => folders().map((folder) => join(folder, 'cgroup.procs')),
    freeze: async () => {
      writeFileSync(freezer, 'FROZEN');
      await waitFor(`cgroup ${name} freezes`, () => state() === 'FROZEN');
    },
    thaw,
    isFrozen: () => state() !== 'THAWED',
    killAll: async () => {
      // A frozen process takes its SIGKILL when it thaws, before it runs anything else.
      await waitFor(
        `cgroup ${name} is empty`,
        async () => {
          const pids = processes();
          killPids(pids);
          await thaw();
          return pids.length === 0;
        },
        { within: 60_000 },
      );
    },
    processes,
    remove: async () => {
      for (const hierarchy of hierarchies()) await removeFolders(join(ROOT, hierarchy, name));
    },
  };
}
