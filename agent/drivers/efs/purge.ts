import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PurgeTask } from '#shared/model/host.ts';
import type { Exec } from '#agent/host/exec.ts';
import { mountedAt, type Mounts } from '#agent/host/mounts.ts';
import { baseOptions } from '../options.ts';
import { removeEmpty, unmount } from '../unmount.ts';
import { accessOptions } from './efs.driver.ts';

export interface PurgePorts {
  readonly mounts: Mounts;
  readonly exec: Exec;
  /** Directory for the temporary mounts. */
  readonly directory: string;
}

const emptyTimeoutMs = 60 * 60_000;

/**
 * Contract 5: empties the one directory of a deleted network volume through the temporary access point rooted at it.
 * Repeats go on where a crash left off.
 */
export async function emptyDirectory(
  { mounts, exec, directory }: PurgePorts,
  task: PurgeTask,
): Promise<void> {
  const target = join(directory, task.volumeId);
  await mkdir(target, { recursive: true, mode: 0o700 });
  if (mountedAt(await mounts.list(), target) === undefined) {
    await mounts.mount({
      source: `${task.fileSystemId}:/`,
      target,
      fstype: 'efs',
      options: [...accessOptions(task.accessPointId), ...baseOptions, 'noexec'],
    });
  }
  // -xdev: never into something mounted inside; find does not follow links.
  await exec.run('find', [target, '-xdev', '-mindepth', '1', '-delete'], { timeoutMs: emptyTimeoutMs });
  await unmount(mounts, target, { name: task.volumeId });
  await removeEmpty(target);
}
