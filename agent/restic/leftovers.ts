import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeEmpty } from '#agent/drivers/unmount.ts';

/** Beside the roots of processes. */
export const cacheName = 'cache';
/** Repositories that are made here and sent. */
export const draftPrefix = 'draft-';

/**
 * For the start of the agent: an earlier one may have died in a task on a repository, and restic with it, which leaves an
 * empty root, a repository that was about to be sent, or the cache of a check.
 */
export async function cleanRestic(resticFolder: string): Promise<void> {
  for (const name of await namesIn(resticFolder))
    if (name !== cacheName) await removeEmpty(join(resticFolder, name));
  const cache = join(resticFolder, cacheName);
  for (const name of await namesIn(cache))
    if (name.startsWith(draftPrefix)) await rm(join(cache, name), { recursive: true, force: true });
  await clearCheckCaches(cache);
}

/** restic checks over a cache of its own, which it leaves behind when it is killed. */
export async function clearCheckCaches(cache: string): Promise<void> {
  for (const name of await namesIn(cache))
    if (name.startsWith('restic-check-cache-')) await rm(join(cache, name), { recursive: true, force: true });
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
