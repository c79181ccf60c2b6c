import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readlink } from 'node:fs/promises';
import { onDisk, type Found } from './walk.ts';

const chunkBytes = 2 ** 20;
/** Reading is no use of the file; a link is not followed, a pipe not waited for. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOATIME;

export interface Contents {
  readonly hash: string;
  /** ctime at the end of the reading, in nanoseconds. */
  readonly ctimeNs: bigint;
}

/**
 * SHA-256 of what a file holds, or of a symlink's target; undefined for what has no contents, or when `stop` said so on the
 * way.
 */
export async function contentsOf(
  root: string,
  { path, stat }: Found,
  stop: () => boolean,
): Promise<Contents | undefined> {
  if (stat.isSymbolicLink()) {
    const target = await readlink(onDisk(root, path), { encoding: 'buffer' });
    return { hash: createHash('sha256').update(target).digest('hex'), ctimeNs: stat.ctimeNs };
  }
  return stat.isFile() ? hashFile(onDisk(root, path), stop) : undefined;
}

async function hashFile(path: Buffer, stop: () => boolean): Promise<Contents | undefined> {
  const handle = await open(path, flags);
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      if (stop()) return undefined;
    }
    const { ctimeNs } = await handle.stat({ bigint: true });
    return { hash: hash.digest('hex'), ctimeNs };
  } finally {
    await handle.close();
  }
}
