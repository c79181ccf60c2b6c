import type { ByteSource } from '#shared/client/archive/byte-source.ts';
import { paddingOf } from '#shared/client/archive/header.ts';
import { endOfArchive } from '#shared/client/archive/pax.ts';
import { readTar, type TarEntry } from '#shared/client/archive/reader.ts';
import { shownName } from '#shared/client/archive/refused.ts';

/** What went into an archive, counted as it goes. */
export interface Packed {
  entries: number;
  files: number;
  skipped: string[];
  /** Bytes of the tar stream. */
  readBytes: number;
}

const neverUnpacked: readonly TarEntry['kind'][] = ['fifo', 'block device', 'character device'];

/**
 * A tar stream without what no archive may bring back (devices, fifos, and hard links to them); everything else as it came.
 * Its end goes out when `whole` has agreed.
 */
export async function* packable(
  source: ByteSource,
  packed: Packed,
  whole: () => Promise<void>,
): AsyncGenerator<Buffer> {
  const left = new Set<string>();
  for await (const member of readTar(source)) {
    if ('global' in member) continue;
    const { entry } = member;
    if (isLeftOut(entry, left)) {
      left.add(entry.path);
      packed.skipped.push(shownName(entry.path));
      continue;
    }
    packed.entries++;
    if (entry.kind === 'file' || entry.kind === 'hard link') packed.files++;
    packed.readBytes += entry.raw.length;
    yield entry.raw;
    for await (const piece of member.data()) {
      packed.readBytes += piece.length;
      yield piece;
    }
    yield Buffer.alloc(paddingOf(entry.size));
  }
  await whole();
  yield endOfArchive;
}

function isLeftOut(entry: TarEntry, left: ReadonlySet<string>): boolean {
  return neverUnpacked.includes(entry.kind) || (entry.kind === 'hard link' && left.has(entry.linkPath));
}
