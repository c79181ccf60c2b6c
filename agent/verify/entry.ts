import * as z from 'zod';
import { pathToText } from '#shared/model/byte-path.ts';
import type { Found } from './walk.ts';

export const entryKinds = ['file', 'directory', 'symlink', 'other'] as const;

/** One entry of a manifest. Times are nanoseconds since 1970, as text. */
export const Entry = z.strictObject({
  /** UTF-8, or `base64:` and the bytes where the name is not. */
  path: z.string(),
  kind: z.enum(entryKinds),
  size: z.number(),
  uid: z.number(),
  gid: z.number(),
  /** Permission bits, as a number. */
  mode: z.number(),
  mtime: z.string(),
  ctime: z.string(),
  /** The same in every copy of the blocks. */
  ino: z.string(),
  /** Not changed since before the cut: the copy must have it just so. */
  settled: z.boolean(),
  /** Of a directory that is not settled, and a manifest of files: it was not renamed since the cut. What is below it is known. */
  kept: z.literal(true).optional(),
  /** SHA-256 of a file's contents or a symlink's target, as hex; absent where it changed while it was read, or was not read. */
  hash: z.string().optional(),
});
export type Entry = z.infer<typeof Entry>;

/** What is found, without a judgement on whether it is settled. */
export function entryOf({ path, stat }: Found): Omit<Entry, 'settled' | 'hash'> {
  return {
    path: pathToText(path),
    kind: kindOf(stat),
    size: Number(stat.size),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mode: Number(stat.mode & 0o7777n),
    mtime: String(stat.mtimeNs),
    ctime: String(stat.ctimeNs),
    ino: String(stat.ino),
  };
}

export function kindOf(stat: Found['stat']): Entry['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'symlink' : 'other';
}
