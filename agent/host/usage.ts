import { statfs } from 'node:fs/promises';
import type { ObservedAttachment } from '#shared/model/host.ts';

export type Usage = NonNullable<ObservedAttachment['usage']>;

const timeoutMs = 2_000;
const pending = new Set<string>();

/** What statfs(2) says of a mountpoint; undefined when it does not answer soon (a network that is away, a frozen disk). */
export async function usageOf(path: string): Promise<Usage | undefined> {
  // A call that hangs keeps a thread: one for a path is enough.
  if (pending.has(path)) return undefined;
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
