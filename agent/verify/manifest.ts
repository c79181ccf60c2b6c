import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';
import { batched } from '#agent/archives/batched.ts';
import type { Mark } from '#agent/freeze/mark.ts';
import { archivedEntry, isArchived, notArchived, type Inodes } from './archived.ts';
import { Entry, entryOf } from './entry.ts';
import { hashedAtOnce, Hashing, type HashBudget } from './hashing.ts';
import { inOrder } from './in-order.ts';
import { ownNames, walk } from './walk.ts';

/** First line. The others are one {@link Entry} each, in the order of the walk; then the last one. */
const Head = z.strictObject({
  manifest: z.literal(1),
  /** That made the cut. */
  operationId: z.string(),
  volumeId: z.string(),
  /** Nanoseconds since 1970 by the clock of the filesystem: what changed before is in the cut. */
  cut: z.string(),
  mark: z.strictObject({ path: z.string(), value: z.string() }).optional(),
  /** Of files in a repository: the snapshot that was made of them. */
  snapshotId: z.string().optional(),
});
export type ManifestHead = z.infer<typeof Head>;

const Foot = z.strictObject({ end: z.literal(true), entries: z.number(), hashed: z.number() });

/** What a manifest is made of. */
export interface ManifestSubject {
  readonly operationId: string;
  readonly volumeId: string;
  /** Where the volume's filesystem is mounted, thawed again. */
  readonly root: string;
  /** When the freeze was begun; used where there is no mark. */
  readonly frozenAt: Date;
  readonly mark?: Mark | undefined;
  /** Where the backup is files, and no copy of blocks. */
  readonly files?: FilesSeen;
}

export interface FilesSeen {
  readonly snapshotId: string;
  /** Inodes of directories from before the cut: what has the same one now was not renamed. */
  readonly before: Inodes;
}

/** How much is done at most. */
export interface ManifestBudget extends HashBudget {
  readonly mostEntries: number;
}

export const defaultBudget: ManifestBudget = {
  hashMs: 10 * 60_000,
  mostMs: 30 * 60_000,
  leastHashed: 1_000,
  mostEntries: 2_000_000,
};

export interface Manifest {
  readonly entries: number;
  readonly hashed: number;
  /** Of the file, as hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Writes down what a volume holds after the cut of a backup, gzip'ed, for a later comparison with what was restored. The
 * volume may be written to meanwhile: an entry counts as settled only if its ctime lies before the cut, and has a hash only if
 * that was so at the end of the reading too.
 * @throws ProductError LimitExceeded for more entries than the budget allows.
 */
export async function writeManifest(
  subject: ManifestSubject,
  file: string,
  budget: ManifestBudget = defaultBudget,
): Promise<Manifest> {
  const counts = { entries: 0, hashed: 0 };
  const hash = createHash('sha256');
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const lines = Readable.from(batched(linesOf(subject, budget, counts)));
  await pipeline(lines, createGzip(), measure, createWriteStream(file, { mode: 0o600 }));
  return { ...counts, sha256: hash.digest('hex'), bytes };
}

interface Counts {
  entries: number;
  hashed: number;
}

async function* linesOf(
  subject: ManifestSubject,
  budget: ManifestBudget,
  counts: Counts,
): AsyncGenerator<Buffer> {
  const { root, operationId, volumeId, mark, files } = subject;
  const cut = await cutOf(subject);
  const made = { ...(mark && { mark }), ...(files && { snapshotId: files.snapshotId }) };
  yield line(Head.parse({ manifest: 1, operationId, volumeId, cut: String(cut), ...made }));
  const hashing = new Hashing({ root, cut, budget });
  // What goes away while we look is no part of the comparison.
  const skip = files === undefined ? ownNames : notArchived;
  const all = walk(root, { skip, unreadable: () => undefined });
  const looked = inOrder(all, hashedAtOnce, async (found) => ({ found, ...(await hashing.look(found)) }));
  for await (const { found, settled, hash } of looked) {
    if (files !== undefined && !isArchived(found)) continue;
    if (++counts.entries > budget.mostEntries) throw tooMany(budget);
    if (hash !== undefined && found.stat.isFile()) counts.hashed++;
    const entry = files === undefined ? entryOf(found) : archivedEntry(found, settled, files);
    yield line({ ...entry, settled, ...(hash === undefined ? {} : { hash }) });
  }
  yield line({ end: true, ...counts });
}

const line = (value: object): Buffer => Buffer.from(`${JSON.stringify(value)}\n`);

/** By the filesystem's own clock where there is a mark: it is the last thing that was written before the freeze. */
async function cutOf({ root, mark, frozenAt }: ManifestSubject): Promise<bigint> {
  if (mark === undefined) return BigInt(frozenAt.getTime()) * 1_000_000n;
  return (await lstat(join(root, mark.path), { bigint: true })).ctimeNs;
}

function tooMany({ mostEntries }: ManifestBudget): ProductError {
  return new ProductError('LimitExceeded', 'The volume has too many files for a manifest.', {
    allowed: `up to ${mostEntries}`,
    hint: 'Its backups are drilled without one: filesystem check, and every file is read.',
  });
}

/** A manifest that is being read. */
export interface ManifestReader {
  readonly head: ManifestHead;
  /** In the order of the walk. @throws ProductError StorageFailed for one that is cut short. */
  readonly entries: AsyncIterable<Entry>;
}

/** @throws ProductError StorageFailed when the file is not whole, or no manifest. */
export async function readManifest(file: string, sha256?: string): Promise<ManifestReader> {
  if (sha256 !== undefined && (await digestOf(file)) !== sha256) throw broken(file, 'its checksum differs');
  const lines = createInterface({ input: createReadStream(file).pipe(createGunzip()), crlfDelay: Infinity });
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  const head = Head.safeParse(first.done === true ? undefined : JSON.parse(first.value));
  if (!head.success) throw broken(file, 'its first line is none of a manifest');
  return { head: head.data, entries: entriesOf(file, iterator) };
}

async function* entriesOf(file: string, lines: AsyncIterator<string>): AsyncGenerator<Entry> {
  let count = 0;
  for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
    const value: unknown = JSON.parse(next.value);
    const foot = Foot.safeParse(value);
    if (foot.success && foot.data.entries === count) return;
    count++;
    yield Entry.parse(value);
  }
  throw broken(file, 'its end is missing');
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function broken(file: string, why: string): ProductError {
  return new ProductError('StorageFailed', `The manifest cannot be used: ${why}.`, {
    value: file,
    hint: 'The backup itself may be whole: restore it to a new volume and look at it.',
  });
}
