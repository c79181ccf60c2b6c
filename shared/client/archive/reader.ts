import { truncated, type ByteSource } from './byte-source.ts';
import { blockBytes, isZero, paddingOf, parseHeader, type RawHeader } from './header.ts';
import { parsePax, type PaxRecords } from './pax.ts';
import { refusedArchive } from './refused.ts';

/** Kinds of entry by their type flag. */
const kinds = {
  '0': 'file',
  '\0': 'file',
  '1': 'hard link',
  '2': 'symlink',
  '3': 'character device',
  '4': 'block device',
  '5': 'directory',
  '6': 'fifo',
} as const;
export type EntryKind = (typeof kinds)[keyof typeof kinds];

/** One entry, its long names and pax records applied. Names are bytes held as latin1, as they stand in the archive. */
export interface TarEntry {
  readonly kind: EntryKind;
  readonly path: string;
  /** Target of a symlink or hard link; else empty. */
  readonly linkPath: string;
  /** Bytes of data that follow in the archive, without padding: for a sparse file its map and its pieces. */
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, with as many digits as the archive gives. */
  readonly mtime: string;
  readonly pax: PaxRecords;
  /** Size of a sparse file with its holes; undefined for what is not sparse. */
  readonly sparseBytes: number | undefined;
  /** The header blocks as they came. */
  readonly raw: Buffer;
}

export type TarMember =
  | { readonly global: PaxRecords; readonly raw: Buffer }
  | {
      readonly entry: TarEntry;
      /** The data without its padding: read it to its end before the next member, or not at all. */
      readonly data: () => AsyncGenerator<Buffer>;
    };

/** Headers before an entry that say more about it. */
interface Pending {
  pax?: PaxRecords;
  longName?: string;
  longLink?: string;
  raw: Buffer[];
}

const maxPaxBytes = 4 * 2 ** 20;
const maxNameBytes = 8 * 2 ** 10;
/** What tar programs pad their last record with is far less. */
const maxPaddingBytes = 2 ** 20;

/**
 * Reads a tar archive (POSIX pax or ustar, GNU) strictly: what is damaged, cut short, followed by something else, or of a
 * kind that this reader does not know, ends it.
 * @throws ArchiveRefused
 */
export async function* readTar(source: ByteSource): AsyncGenerator<TarMember> {
  let pending: Pending = { raw: [] };
  for (;;) {
    const block = await source.take(blockBytes);
    if (block.length < blockBytes) throw truncated();
    if (isZero(block)) return await readEnd(source, pending);
    const header = parseHeader(block);
    pending.raw.push(block);
    if (header.type === 'g') {
      yield await readGlobal(source, header, pending);
    } else if ('xLK'.includes(header.type)) {
      await readMore(source, header, pending);
      continue;
    } else {
      yield* member(source, entryOf(header, pending));
    }
    pending = { raw: [] };
  }
}

async function* member(source: ByteSource, entry: TarEntry): AsyncGenerator<TarMember> {
  const run = source.run(entry.size);
  yield { entry, data: () => run };
  for await (const rest of run) void rest;
  await whole(source, paddingOf(entry.size));
}

async function readEnd(source: ByteSource, pending: Pending): Promise<void> {
  if (pending.raw.length > 0) throw refusedArchive('it ends with headers of an entry that does not come');
  if ((await source.take(blockBytes)).length < blockBytes) throw truncated();
  for (let padding = 0; ;) {
    const rest = await source.take(64 * 2 ** 10);
    if (rest.length === 0) return;
    padding += rest.length;
    if (!isZero(rest) || padding > maxPaddingBytes) throw refusedArchive('something follows its end');
  }
}

async function readGlobal(source: ByteSource, header: RawHeader, pending: Pending): Promise<TarMember> {
  if (pending.raw.length > 1) throw refusedArchive('a global header stands between an entry and its headers');
  const data = await payload(source, header.size, maxPaxBytes);
  return { global: parsePax(data.value), raw: Buffer.concat([...pending.raw, data.raw]) };
}

async function readMore(source: ByteSource, header: RawHeader, pending: Pending): Promise<void> {
  const key = header.type === 'x' ? 'pax' : header.type === 'L' ? 'longName' : 'longLink';
  if (pending[key] !== undefined) throw refusedArchive('an entry has two headers of one kind');
  const data = await payload(source, header.size, key === 'pax' ? maxPaxBytes : maxNameBytes);
  pending.raw.push(data.raw);
  if (key === 'pax') pending.pax = parsePax(data.value);
  else pending[key] = data.value.toString('latin1').split('\0', 1)[0] ?? '';
}

async function payload(
  source: ByteSource,
  size: number,
  most: number,
): Promise<{ value: Buffer; raw: Buffer }> {
  if (size > most) throw refusedArchive(`a header has ${size} bytes; at most ${most} are read`);
  const raw = await whole(source, size + paddingOf(size));
  return { value: raw.subarray(0, size), raw };
}

async function whole(source: ByteSource, size: number): Promise<Buffer> {
  const data = await source.take(size);
  if (data.length < size) throw truncated();
  return data;
}

function entryOf(header: RawHeader, { pax = new Map(), longName, longLink, raw }: Pending): TarEntry {
  const path = pax.get('GNU.sparse.name') ?? pax.get('path') ?? longName ?? header.name;
  const kind = kindOf(header.type, path);
  const linked = kind === 'symlink' || kind === 'hard link';
  const size = count(pax, 'size') ?? header.size;
  if (kind !== 'file' && size !== 0) throw refusedArchive(`a ${kind} has data`, path);
  return {
    kind,
    path,
    linkPath: linked ? (pax.get('linkpath') ?? longLink ?? header.linkName) : '',
    size,
    mode: header.mode & 0o7777,
    uid: count(pax, 'uid') ?? header.uid,
    gid: count(pax, 'gid') ?? header.gid,
    mtime: mtimeOf(pax) ?? `${header.mtime}`,
    pax,
    sparseBytes: kind === 'file' ? sparseBytesOf(pax, path) : undefined,
    raw: Buffer.concat(raw),
  };
}

function kindOf(type: string, path: string): EntryKind {
  if (!Object.hasOwn(kinds, type))
    throw refusedArchive(
      type === 'S'
        ? 'it holds a sparse file in the old GNU format; make it with --format=posix'
        : `it holds an entry of an unknown type (${JSON.stringify(type)})`,
      path,
    );
  const kind = kinds[type as keyof typeof kinds];
  // GNU tar makes a directory of it.
  if (kind === 'file' && path.endsWith('/')) throw refusedArchive('a file is named like a directory', path);
  return kind;
}

/** Sparse format 1.0, the one that GNU tar writes for POSIX archives; the older ones are refused. */
function sparseBytesOf(pax: PaxRecords, path: string): number | undefined {
  if (![...pax.keys()].some((key) => key.startsWith('GNU.sparse.'))) return undefined;
  const size = count(pax, 'GNU.sparse.realsize');
  const known = pax.get('GNU.sparse.major') === '1' && pax.get('GNU.sparse.minor') === '0';
  if (!known || size === undefined || !pax.has('GNU.sparse.name'))
    throw refusedArchive('it holds a sparse file in a format other than 1.0', path);
  return size;
}

function count(pax: PaxRecords, key: string): number | undefined {
  const digits = pax.get(key);
  if (digits === undefined) return undefined;
  const value = Number(digits);
  if (!/^\d{1,16}$/.test(digits) || !Number.isSafeInteger(value))
    throw refusedArchive(`a pax header's ${key} is not a number`);
  return value;
}

function mtimeOf(pax: PaxRecords): string | undefined {
  const mtime = pax.get('mtime');
  if (mtime !== undefined && !/^-?\d{1,12}(\.\d{1,20})?$/.test(mtime))
    throw refusedArchive("a pax header's mtime is not a time");
  return mtime;
}
