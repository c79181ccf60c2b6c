import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeEmpty, unmount } from '#agent/drivers/unmount.ts';
import type { Mounts } from '#agent/host/mounts.ts';
import type { Log } from '#agent/log.ts';

/**
 * For the start of the agent: an earlier one may have died in a drill. Unmounts its copies, so that they can be detached, and
 * removes the manifests that it had begun.
 * Failures are logged: the agent starts all the same.
 */
export async function cleanCopies(
  { mounts, log }: { readonly mounts: Mounts; readonly log: Log },
  { directory, manifests }: { readonly directory: string; readonly manifests: string },
): Promise<void> {
  await rm(manifests, { recursive: true, force: true });
  const entries = (await mounts.list()).filter(({ mountpoint }) => dirname(mountpoint) === directory);
  const names = await readdir(directory).catch(() => []);
  const paths = new Set([
    ...entries.map(({ mountpoint }) => mountpoint),
    ...names.map((name) => join(directory, name)),
  ]);
  for (const path of paths) {
    try {
      await unmount(mounts, path, { name: path });
      await removeEmpty(path);
      log.warn('cleaned up after a drill', { path });
    } catch (error) {
      log.error('a copy is still mounted', { path, error });
    }
  }
}
