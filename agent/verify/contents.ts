import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { onDisk, type Found } from './walk.ts';

const chunkBytes = 2 ** 20;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOATIME } = fs.constants;
/** Reading is no use of the file; a link is not followed, a pipe not waited for. */
const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME;
/** By descriptors: a handle of Node's for each of very many small files costs half as much again. */
const open = promisify(fs.open);
const read = promisify(fs.read);
const fstat: (descriptor: number, options: { bigint: true }) => Promise<fs.BigIntStats> = promisify(fs.fstat);
const close = promisify(fs.close);

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
  return stat.isFile() ? hashFile(onDisk(root, path), stat, stop) : undefined;
}

async function hashFile(
  path: Buffer,
  { size }: Found['stat'],
  stop: () => boolean,
): Promise<Contents | undefined> {
  const descriptor = await open(path, flags);
  try {
    const hash = createHash('sha256');
    // No larger than the file: room for a chunk costs more than all else that is done with a small one.
    let buffer = Buffer.allocUnsafe(Math.min(Number(size) + 1, chunkBytes));
    let total = 0n;
    for (;;) {
      const { bytesRead } = await read(descriptor, buffer, 0, buffer.length, null);
      hash.update(buffer.subarray(0, bytesRead));
      total += BigInt(bytesRead);
      if (stop()) return undefined;
      if (bytesRead === buffer.length) {
        if (bytesRead < chunkBytes) buffer = Buffer.allocUnsafe(chunkBytes);
        continue;
      }
      // Whole when that is its size: a read for its end alone is a turn through Node's threads.
      const now = await fstat(descriptor, { bigint: true });
      if (bytesRead === 0 || now.size <= total) return { hash: hash.digest('hex'), ctimeNs: now.ctimeNs };
    }
  } finally {
    await close(descriptor);
  }
}
