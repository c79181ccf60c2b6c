import { ByteSource } from '#shared/client/archive/byte-source.ts';
import { blockBytes } from '#shared/client/archive/header.ts';
import { refusedArchive } from '#shared/client/archive/refused.ts';
import type { TarEntry } from '#shared/client/archive/reader.ts';

/** A piece of a sparse file that is not a hole, in bytes. */
export interface SparseRun {
  readonly offset: number;
  readonly length: number;
}

const maxRuns = 2 ** 20;

/**
 * The data of a sparse file as it came, its map checked before any of it is passed on: pieces in their order, inside the
 * file, and as long together as the data.
 */
export async function* checkedSparse(
  entry: TarEntry,
  data: AsyncIterable<Buffer>,
  found: (run: SparseRun) => void,
): AsyncGenerator<Buffer> {
  const source = new ByteSource(data);
  const { runs, raw } = await readMap(source, entry);
  checkRuns(runs, entry, entry.size - raw.length);
  for (const run of runs) found(run);
  yield raw;
  yield* source.run(entry.size - raw.length);
}

/** The map: decimal numbers on lines, a count and then an offset and a length for each piece, padded to whole blocks. */
async function readMap(source: ByteSource, entry: TarEntry): Promise<{ runs: SparseRun[]; raw: Buffer }> {
  const blocks: Buffer[] = [];
  const numbers: number[] = [];
  let rest = '';
  let wanted = 1;
  while (numbers.length < wanted) {
    const block = await source.take(blockBytes);
    if (block.length < blockBytes) throw damaged(entry);
    blocks.push(block);
    const lines = (rest + block.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (numbers.length >= wanted) break;
      if (!/^\d{1,15}$/.test(line)) throw damaged(entry);
      if (numbers.push(Number(line)) === 1) wanted = 1 + 2 * Number(line);
      if (wanted > 1 + 2 * maxRuns)
        throw refusedArchive(`a file has more than ${maxRuns} pieces`, entry.path);
    }
  }
  const runs = Array.from({ length: (wanted - 1) / 2 }, (_, index) => ({
    offset: numbers[1 + 2 * index] ?? 0,
    length: numbers[2 + 2 * index] ?? 0,
  }));
  return { runs, raw: Buffer.concat(blocks) };
}

function checkRuns(runs: readonly SparseRun[], entry: TarEntry, dataBytes: number): void {
  let at = 0;
  let total = 0;
  for (const { offset, length } of runs) {
    if (offset < at) throw damaged(entry);
    at = offset + length;
    total += length;
  }
  if (at > (entry.sparseBytes ?? 0) || total !== dataBytes) throw damaged(entry);
}

function damaged(entry: TarEntry): Error {
  return refusedArchive('the map of a sparse file is damaged', entry.path);
}
