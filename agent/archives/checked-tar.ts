import type { ByteSource } from '#shared/client/archive/byte-source.ts';
import { paddingOf } from '#shared/client/archive/header.ts';
import { endOfArchive, type PaxRecords } from '#shared/client/archive/pax.ts';
import { readTar, type TarEntry } from '#shared/client/archive/reader.ts';
import { refusedArchive } from '#shared/client/archive/refused.ts';
import { batched } from './batched.ts';
import { Budget, type BudgetLimits } from './budget.ts';
import { canonicalHeaders } from './canonical.ts';
import { checkedSparse, type SparseRun } from './sparse-map.ts';
import { TreeRules, type PlainEntry } from './tree-rules.ts';

/** What went through, counted as it goes. */
export interface Unpacked {
  files: number;
  directories: number;
  symlinks: number;
  /** Bytes of data in files, without holes. */
  bytes: number;
  /** What could not be kept, the first hundred. */
  readonly warnings: string[];
  /** The comment of the archive's global header. */
  comment?: string;
}

const maxWarnings = 100;
/** What a tar program may say once for all entries without changing what they are. */
const harmlessGlobals = new Set(['comment', 'charset', 'hdrcharset']);

/**
 * An archive's tar stream, checked and written anew entry by entry; what is refused ends it before a byte of that entry
 * has gone out.
 */
export async function* checkedTar(
  source: ByteSource,
  limits: BudgetLimits,
  unpacked: Unpacked,
): AsyncGenerator<Buffer> {
  yield* batched(entries(source, limits, unpacked));
}

async function* entries(
  source: ByteSource,
  limits: BudgetLimits,
  unpacked: Unpacked,
): AsyncGenerator<Buffer> {
  const rules = new TreeRules();
  const budget = new Budget(limits);
  for await (const member of readTar(source)) {
    if ('global' in member) {
      budget.addHeader();
      readGlobal(member.global, unpacked);
      continue;
    }
    const { entry } = member;
    budget.addEntry(entry);
    const plain = rules.admit(entry);
    if (plain === undefined) continue;
    count(plain, unpacked);
    const data = runsOf(entry, member.data(), ({ offset, length }) => {
      budget.addRun(offset, length, entry.path);
      unpacked.bytes += length;
    });
    // The first piece is asked for before the headers go out: by then all of the entry is checked and paid for.
    const first = await data.next();
    yield canonicalHeaders(plain, (warning) => {
      if (unpacked.warnings.length < maxWarnings) unpacked.warnings.push(warning);
    });
    if (first.done !== true) yield first.value;
    yield* data;
    yield Buffer.alloc(paddingOf(entry.size));
  }
  yield endOfArchive;
}

/** The entry's data; says first which runs of the file it fills. */
async function* runsOf(
  entry: TarEntry,
  data: AsyncGenerator<Buffer>,
  found: (run: SparseRun) => void,
): AsyncGenerator<Buffer> {
  if (entry.sparseBytes !== undefined) return yield* checkedSparse(entry, data, found);
  found({ offset: 0, length: entry.size });
  yield* data;
}

function readGlobal(records: PaxRecords, unpacked: Unpacked): void {
  for (const key of records.keys())
    if (!harmlessGlobals.has(key))
      throw refusedArchive(`a global header sets "${key.slice(0, 40)}" for all entries`);
  const comment = records.get('comment');
  if (comment !== undefined) unpacked.comment ??= comment;
}

function count({ entry }: PlainEntry, unpacked: Unpacked): void {
  if (entry.kind === 'directory') unpacked.directories++;
  else if (entry.kind === 'symlink') unpacked.symlinks++;
  else unpacked.files++;
}
