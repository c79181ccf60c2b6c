import { lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocateTask, TaskResult } from '#shared/model/task.ts';
import { restorePrefix } from '#shared/model/restored-directory.ts';
import { accessOptions } from '#agent/drivers/efs/efs.driver.ts';
import { baseOptions } from '#agent/drivers/options.ts';
import { removeEmpty, unmount } from '#agent/drivers/unmount.ts';
import { mountedAt, type Mounts } from '#agent/host/mounts.ts';

export interface LocatePorts {
  readonly mounts: Mounts;
  /** Directory for the temporary mounts. */
  readonly directory: string;
}

/** More cannot be told apart anyway. */
const mostNamed = 100;

/**
 * Below which directories at the root of a file system the restored path is. The root is mounted read-only for as long as
 * names are read, and nowhere that a container sees it; no file is opened, no link followed.
 */
export async function locate(
  { mounts, directory }: LocatePorts,
  { operationId, fileSystemId, accessPointId, path, since }: LocateTask,
): Promise<TaskResult> {
  const target = join(directory, operationId);
  await mkdir(target, { recursive: true, mode: 0o700 });
  try {
    if (mountedAt(await mounts.list(), target) === undefined) {
      const options = [...accessOptions(accessPointId), ...baseOptions, 'noexec', 'ro'];
      await mounts.mount({ source: `${fileSystemId}:/`, target, fstype: 'efs', options });
    }
    return { outcome: 'done', found: await namesIn(target, path, `${restorePrefix}${since}`) };
  } finally {
    if (mountedAt(await mounts.list(), target) !== undefined)
      await unmount(mounts, target, { name: operationId });
    await removeEmpty(target);
  }
}

async function namesIn(root: string, path: string, from: string): Promise<string[]> {
  const names = (await readdir(root)).filter((name) => name.startsWith(restorePrefix) && name >= from);
  const found: string[] = [];
  for (const name of names.sort()) if (await isDirectory(join(root, name), path)) found.push(name);
  return found.slice(0, mostNamed);
}

/** Each part of the path is a directory itself. */
async function isDirectory(root: string, path: string): Promise<boolean> {
  let at = root;
  for (const part of ['', ...path.split('/').filter((name) => name !== '')]) {
    at = join(at, part);
    const found = await lstat(at).catch(() => undefined);
    if (part === '..' || found?.isDirectory() !== true) return false;
  }
  return true;
}
