import { rmdir } from 'node:fs/promises';
import { ProductError } from '#shared/model/errors.ts';
import { exitCodeOf } from '#agent/host/exec.ts';
import { mountedAt, type Mounts } from '#agent/host/mounts.ts';

/** umount(8): the mount failed or is busy. */
const umountFailed = 32;

/**
 * Unmounts what shows at `path`, every layer of it; nothing there is success.
 * @throws VolumeBusy when something has it open; a lazy unmount would only hide that.
 */
export async function unmount(mounts: Mounts, path: string, { name }: { name: string }): Promise<void> {
  try {
    while (mountedAt(await mounts.list(), path) !== undefined) await mounts.unmount(path);
  } catch (error) {
    if (exitCodeOf(error) !== umountFailed) throw error;
    throw new ProductError('VolumeBusy', `Volume "${name}" cannot be unmounted: something has it open.`, {
      hint: `End what uses it ("fuser -vm ${path}" names it); the agent then unmounts by itself.`,
      cause: error,
    });
  }
}

/** Removes a mountpoint; one that is not empty, or still mounted, stays. */
export async function removeEmpty(path: string): Promise<void> {
  await rmdir(path).catch(() => undefined);
}
