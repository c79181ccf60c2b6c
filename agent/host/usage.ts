import { statfs } from 'node:fs/promises';
import type { ObservedAttachment } from '#shared/model/host.ts';

export type Usage = NonNullable<ObservedAttachment['usage']>;

const timeoutMs = 2_000;
/**
 * A call that hangs keeps one of Node's four threads, which read files and look up addresses for everything else: two stay
 * free, however many volumes hang. Until a server answers again, volumes beyond those are not measured.
 */
const maxHanging = 2;
const pending = new Set<string>();

/** What statfs(2) says of a mountpoint; undefined when it does not answer soon (a network that is away, a frozen disk). */
export async function usageOf(path: string): Promise<Usage | undefined> {
  if (pending.has(path) || pending.size >= maxHanging) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([measure(path), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function measure(path: string): Promise<Usage> {
  pending.add(path);
  const { bsize, blocks, bfree, files, ffree } = await statfs(path).finally(() => pending.delete(path));
  return {
    totalBytes: whole(bsize * blocks),
    usedBytes: whole(bsize * (blocks - bfree)),
    inodes: whole(files),
    inodesUsed: whole(files - ffree),
  };
}

/** EFS says 8 EiB: more than a number holds exactly. */
function whole(value: number): number {
  return Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, value));
}
