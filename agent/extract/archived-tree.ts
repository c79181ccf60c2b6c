import { createGzip } from 'node:zlib';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { pathToText, type BytePath } from '#shared/model/byte-path.ts';
import { metadataComment, type ArchiveMetadata } from '#shared/model/archive.ts';
import { partBytesFor } from '#shared/model/transfer.ts';
import { ByteSource } from '#shared/client/archive/byte-source.ts';
import { paddingOf } from '#shared/client/archive/header.ts';
import { endOfArchive, formatPax } from '#shared/client/archive/pax.ts';
import { readTar, type TarEntry } from '#shared/client/archive/reader.ts';
import { refusedArchive, shownName } from '#shared/client/archive/refused.ts';
import type { PartUrls, UploadResult } from '#shared/client/transfer/types.ts';
import { uploadStream } from '#shared/client/transfer/upload-stream.ts';
import { batched } from '#agent/archives/batched.ts';
import { canonicalHeaders } from '#agent/archives/canonical.ts';
import { jsonObjects } from '#agent/restic/json-objects.ts';
import type { Archived, Found } from './archived.ts';

/*
 * A directory of a snapshot as a tar.gz like that of a mounted one. restic's own tar is taken apart and written anew: with paths
 * from the directory on, with what the archive says of its volume, and without the pipes and devices of which it makes empty files.
 * Nothing of it is ever on the host's disk.
 */

export interface ArchivedTree {
  readonly snapshotId: string;
  /** Of the directory in the snapshot, from its root. */
  readonly at: BytePath;
  readonly found: Found;
  readonly metadata: ArchiveMetadata;
}

export interface SentTree extends UploadResult {
  readonly files: number;
  readonly notes: readonly string[];
}

interface Line {
  readonly urls: PartUrls;
  readonly signal: AbortSignal;
}

const chunkSize = 256 * 2 ** 10;
/** What does not compress grows by a little: 1/8 and 64 MiB are beyond that. */
const spareBytes = 64 * 2 ** 20;
/** Of the headers of an entry, with a long name and attributes. */
const headerBytes = 4096;

/** @throws ProductError as `uploadStream`; CommandFailed with restic's own words */
export async function sendTree(repository: Archived, tree: ArchivedTree, line: Line): Promise<SentTree> {
  const survey = await surveyOf(repository, tree);
  const { snapshotId, at: last } = tree;
  const dump = repository.output({ args: ['dump', '--archive', 'tar', snapshotId], last });
  const packed: Packed = { files: 0, notes: [] };
  const gzip = createGzip({ chunkSize });
  const abort = new AbortController();
  const signal = AbortSignal.any([line.signal, abort.signal]);
  const pieces = batched(tarOf(dump, { tree, others: survey.others }, packed));
  const packing = pipeline(pieces, gzip, { signal });
  // Who reads the stream learns of a failure there.
  packing.catch(() => undefined);
  try {
    const partBytes = partBytesFor(Math.ceil(survey.bytes * 1.125) + spareBytes);
    const sent = await uploadStream(gzip, { ...line, partBytes });
    await packing;
    return { ...sent, ...packed };
  } catch (error) {
    abort.abort(error);
    throw error;
  } finally {
    // Its reader takes bytes, and does not end it.
    await dump.return(undefined);
  }
}

interface Survey {
  /** The most that the tar may come to. */
  readonly bytes: number;
  /** Paths of what is neither file nor directory nor link, as restic's JSON can hold them. */
  readonly others: ReadonlySet<string>;
}

const Listed = z.object({
  path: z.string().optional(),
  type: z.string().optional(),
  size: z.number().default(0),
});
const plain: readonly string[] = ['file', 'dir', 'symlink'];

async function surveyOf(repository: Archived, { snapshotId, at: last }: ArchivedTree): Promise<Survey> {
  const others = new Set<string>();
  let bytes = 0;
  const output = repository.output({ args: ['ls', '--json', '--recursive', snapshotId], last });
  for await (const json of jsonObjects(output, 0)) {
    const { path, type, size } = Listed.parse(JSON.parse(json));
    // First it says which snapshot it is.
    if (path === undefined || type === undefined) continue;
    bytes += size + headerBytes;
    if (!plain.includes(type)) others.add(path);
  }
  return { bytes, others };
}

interface Packed {
  files: number;
  readonly notes: string[];
}

interface Wanted {
  readonly tree: ArchivedTree;
  readonly others: Survey['others'];
}

async function* tarOf(
  dump: AsyncIterable<Buffer>,
  { tree, others }: Wanted,
  packed: Packed,
): AsyncGenerator<Buffer> {
  const warn = (warning: string): void => void packed.notes.push(warning);
  yield formatPax('g', new Map([['comment', metadataComment(tree.metadata)]]));
  yield canonicalHeaders({ entry: entryOf(tree.found), path: '.', linkPath: '' }, warn);
  for await (const member of readTar(new ByteSource(dump))) {
    if ('global' in member) continue;
    const { entry } = member;
    const path = pathBelow(tree.at, entry.path);
    if (path === '') continue;
    if (!writable.has(entry.kind) || others.has(asJson(entry.path))) {
      packed.notes.push(`left out: ./${shownName(path)}`);
      continue;
    }
    if (entry.kind === 'file') packed.files += 1;
    yield canonicalHeaders({ entry, path, linkPath: entry.linkPath }, warn);
    yield* member.data();
    yield Buffer.alloc(paddingOf(entry.size));
  }
  yield endOfArchive;
}

/** What restic writes; a file with several names stands under each of them. */
const writable: ReadonlySet<TarEntry['kind']> = new Set(['file', 'directory', 'symlink']);

/** From the directory on; empty for itself. @throws ArchiveRefused for what is not in it */
function pathBelow(at: BytePath, path: BytePath): BytePath {
  const whole = `/${path}`.replace(/^\/+/, '/').replace(/\/+$/, '');
  if (whole === at) return '';
  if (whole.startsWith(`${at}/`)) return whole.slice(at.length + 1);
  throw refusedArchive(`restic put what is not in "${pathToText(at)}" into it`, path);
}

/** Bytes that are no UTF-8 are replaced in JSON. */
function asJson(path: BytePath): string {
  return `/${Buffer.from(path, 'latin1').toString('utf8')}`.replace(/^\/+/, '/');
}

/** Of the directory itself, which restic leaves out. */
function entryOf({ mode, uid, gid, mtime, extended_attributes: attributes }: Found): TarEntry {
  const pax = (attributes ?? []).map(({ name, value }) => [`SCHILY.xattr.${name}`, value ?? ''] as const);
  return {
    kind: 'directory',
    path: '.',
    linkPath: '',
    size: 0,
    mode,
    uid,
    gid,
    mtime: `${Math.floor(Date.parse(mtime) / 1000)}`,
    pax: new Map(pax),
    sparseBytes: undefined,
    raw: Buffer.alloc(0),
  };
}
