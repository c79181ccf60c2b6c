import { mkdir, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ProductError } from '#shared/model/errors.ts';
import type { Exec } from '#agent/host/exec.ts';
import type { Log } from '#agent/log.ts';

export interface ScratchPorts {
  readonly exec: Exec;
  /** ROOT/drills: archives are restored below it, seen by root alone. */
  readonly drills: string;
}

/** Removing many small files takes its time. */
const slow = { timeoutMs: 2 * 60 * 60_000 };
/** A file takes a block and an inode at least. */
const perFile = 4096;
/** So much of the disk, and no less than that many bytes, stays free. */
const spare = { part: 0.05, bytes: 64 * 2 ** 20 };

/** A directory for what is restored in a drill, while `work` runs. Removed whatever happens. */
export async function withScratch<T>(
  { exec, drills }: ScratchPorts,
  { operationId, files, sizeBytes }: { operationId: string; files: number; sizeBytes: number },
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const folder = join(drills, operationId);
  await mkdir(drills, { recursive: true, mode: 0o700 });
  await remove(exec, folder);
  await demandRoom(drills, { files, sizeBytes });
  const directory = join(folder, 'tree');
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await work(directory);
  } finally {
    await remove(exec, folder);
  }
}

/** @throws ProductError LimitExceeded where the disk has not the room; what else is on it stays writable */
async function demandRoom(path: string, { files, sizeBytes }: { files: number; sizeBytes: number }) {
  const { bavail, blocks, bsize, ffree, files: inodes } = await statfs(path);
  const free = bavail * bsize - Math.max(spare.bytes, blocks * bsize * spare.part);
  const needed = sizeBytes + files * perFile;
  // Some filesystems make inodes as they go, and say that there are none.
  const isFull = inodes > 0 && ffree < files * 1.1;
  if (needed <= free && !isFull) return;
  throw new ProductError('LimitExceeded', `${path} has not the room for the archive.`, {
    value: isFull ? ffree : Math.max(0, Math.floor(free)),
    allowed: isFull ? `${files} free inodes` : `${needed} bytes`,
    hint: 'Make room on the disk of the agent’s folder, or drill it on another host.',
  });
}

/** For the start of the agent: what one that was killed had restored. What goes wrong is logged. */
export async function clearScratch({ exec, drills, log }: ScratchPorts & { readonly log: Log }) {
  for (const name of await readdir(drills).catch(() => [])) {
    const folder = join(drills, name);
    try {
      await remove(exec, folder);
      log.warn('cleaned up after a drill', { path: folder });
    } catch (error) {
      log.error('a restored archive is still there', { path: folder, error });
    }
  }
}

async function remove(exec: Exec, folder: string): Promise<void> {
  await exec.run('rm', ['-rf', '--one-file-system', '--', folder], slow);
}
