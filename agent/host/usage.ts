import { statfs } from 'node:fs/promises';
import type { ObservedAttachment } from '#shared/model/host.ts';
import type { Exec } from './exec.ts';

export type Usage = NonNullable<ObservedAttachment['usage']>;

const timeoutMs = 2_000;
/** What did not answer is not looked at again for so long. */
const restMs = 60_000;
const hung = new Map<string, number>();

/** How full a filesystem of this host itself is, by statfs(2); undefined when it cannot be told. */
export async function usageOf(path: string): Promise<Usage | undefined> {
  const found = await statfs(path).catch(() => undefined);
  return found === undefined ? undefined : toUsage(found);
}

/**
 * The same of what may be on a network; undefined when it does not answer soon. A process looks, which can be killed: a
 * thread of ours that hangs there would be lost for everything else, and would keep the mount busy.
 */
export async function remoteUsageOf(exec: Exec, path: string, now = Date.now()): Promise<Usage | undefined> {
  if (now - (hung.get(path) ?? Number.NEGATIVE_INFINITY) < restMs) return undefined;
  try {
    const args = ['--file-system', '--format=%S %b %f %c %d', '--', path];
    const { stdout } = await exec.run('stat', args, { timeoutMs });
    hung.delete(path);
    const [bsize = 0, blocks = 0, bfree = 0, files = 0, ffree = 0] = stdout.trim().split(' ').map(Number);
    return toUsage({ bsize, blocks, bfree, files, ffree });
  } catch {
    hung.set(path, now);
    return undefined;
  }
}

interface Counts {
  /** Bytes of a block. */
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly files: number;
  readonly ffree: number;
}

const toUsage = ({ bsize, blocks, bfree, files, ffree }: Counts): Usage => ({
  totalBytes: whole(bsize * blocks),
  usedBytes: whole(bsize * (blocks - bfree)),
  inodes: whole(files),
  inodesUsed: whole(files - ffree),
});

/** EFS says 8 EiB: more than a number holds exactly. */
function whole(value: number): number {
  return Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, value));
}
