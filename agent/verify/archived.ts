import { reservedNames } from '#agent/archives/reserved.ts';
import type { BytePath } from '#shared/model/byte-path.ts';
import { entryOf, type Entry } from './entry.ts';
import { walk, type Found } from './walk.ts';

/** Inodes of directories, by path. */
export type Inodes = ReadonlyMap<BytePath, bigint>;

/** Names in a volume's root that no archive has. */
export const notArchived: ReadonlySet<string> = new Set(reservedNames);
/** Beyond that many, what lies below a directory that changes meanwhile is not compared. */
const mostDirectories = 200_000;

/** Which directories there are, before an archive is made. */
export async function directoriesOf(root: string): Promise<Inodes> {
  const inodes = new Map<BytePath, bigint>();
  const options = { skip: notArchived, directoriesOnly: true, unreadable: () => undefined };
  for await (const { path, stat } of walk(root, options)) {
    inodes.set(path, stat.ino);
    if (inodes.size >= mostDirectories) break;
  }
  return inodes;
}

/** Devices are left out of every restore, and sockets are nothing without who made them. */
export function isArchived({ stat }: Found): boolean {
  return !stat.isBlockDevice() && !stat.isCharacterDevice() && !stat.isSocket();
}

/** Whatever is restored from files has inodes of its own: that a directory is where it was is told here. */
export function archivedEntry(
  found: Found,
  settled: boolean,
  { before }: { readonly before: Inodes },
): Omit<Entry, 'settled' | 'hash'> {
  const { path, stat } = found;
  const kept = stat.isDirectory() && !settled && before.get(path) === stat.ino;
  return { ...entryOf(found), ino: '0', ...(kept ? { kept } : {}) };
}
