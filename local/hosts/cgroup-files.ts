import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from './exec.ts';

/** A cgroup folder and those below it, deepest first; empty when there is none. */
export function foldersBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const below = readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => foldersBelow(join(dir, entry.name)));
  return [...below, dir];
}

/** Pids in a cgroup and below it. */
export function pidsBelow(dir: string): number[] {
  const pids = foldersBelow(dir).flatMap((folder) => {
    try {
      return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    } catch {
      return []; // The folder went away while we looked.
    }
  });
  return [...new Set(pids)];
}

/** Removes a cgroup with all below it. The kernel says EBUSY for a moment after the last process ended. */
export async function removeFolders(dir: string): Promise<void> {
  await waitFor(`cgroup ${dir} is removed`, () => {
    for (const folder of foldersBelow(dir)) {
      try {
        rmdirSync(folder);
      } catch {
        return false;
      }
    }
    return true;
  });
}

/** SIGKILL for each pid; one that has ended is fine. */
export function killPids(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Ended already.
    }
  }
}
