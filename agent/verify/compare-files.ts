import { lstat } from 'node:fs/promises';
import type { BytePath } from '#shared/model/byte-path.ts';
import { contentsOf } from './contents.ts';
import { entryOf } from './entry.ts';
import { wordOf, type Tally } from './tally.ts';
import { onDisk, ownNames, walk, type Found } from './walk.ts';

interface FilesSubject {
  /** Where the copy is mounted. */
  readonly root: string;
  /** Where the volume itself is. */
  readonly live: string;
  readonly settledBeforeMs: number;
  readonly tally: Tally;
  /** Called between entries and chunks; throws when the time is up. */
  readonly check: () => void;
}

/**
 * Compares a copy that was made while the volume was in use with the volume as it is now. An entry whose ctime there is from
 * before the cut has not been changed since: the copy must have it just so, with the same contents. All files of the copy are
 * read to their ends.
 */
export async function compareFiles(subject: FilesSubject): Promise<void> {
  await readCopy(subject);
  await findMissing(subject);
}

async function readCopy(subject: FilesSubject): Promise<void> {
  const { root, live, tally, check } = subject;
  const unreadable = (path: BytePath, error: unknown): void =>
    tally.add(path, `cannot be read: ${wordOf(error)}`);
  for await (const found of walk(root, { skip: ownNames, unreadable })) {
    check();
    tally.entries++;
    const hash = await hashIn(subject, root, found);
    if (hash !== undefined && found.stat.isFile()) tally.hashed++;
    const there = await foundAt(live, found.path);
    if (there !== undefined && isSettled(subject, there.stat.ctimeNs))
      await compareOne(subject, { found, there, hash });
  }
}

interface Pair {
  readonly found: Found;
  readonly there: Found;
  readonly hash: string | undefined;
}

const fields = ['kind', 'uid', 'gid', 'mode'] as const;

async function compareOne(subject: FilesSubject, { found, there, hash }: Pair): Promise<void> {
  const { live, tally } = subject;
  const [is, was] = [entryOf(found), entryOf(there)];
  tally.compared++;
  const compared = was.kind === 'directory' ? fields : ([...fields, 'size'] as const);
  const differs = compared.find((field) => is[field] !== was[field]);
  if (differs !== undefined)
    return tally.add(found.path, `${differs} is ${is[differs]}, in the volume it is ${was[differs]}`);
  if (hash === undefined) return;
  const wanted = await contentsOf(live, there, () => (subject.check(), false)).catch(() => undefined);
  // Changed or removed while it was read: nothing is known of it any more.
  if (wanted === undefined || !isSettled(subject, wanted.ctimeNs)) return;
  if (wanted.hash !== hash) tally.add(found.path, 'its contents differ'); // guard: drill-files-contents
}

/** What the volume had at the cut, and still has, must be in the copy. */
async function findMissing(subject: FilesSubject): Promise<void> {
  const { root, live, tally, check } = subject;
  // What is gone from the volume by now is no matter of the copy's.
  const unreadable = (): void => undefined;
  let elsewhere: string | undefined;
  for await (const there of walk(live, { skip: ownNames, unreadable })) {
    check();
    if (elsewhere !== undefined && there.path.startsWith(elsewhere)) continue;
    if ((await foundAt(root, there.path)) !== undefined) continue;
    if (isSettled(subject, there.stat.ctimeNs)) {
      tally.compared++;
      tally.add(there.path, 'is missing'); // guard: drill-files-missing
    } else if (there.stat.isDirectory()) {
      // Made or renamed since: what lies below it may be older than that.
      elsewhere = `${there.path}/`;
    }
  }
}

function isSettled({ settledBeforeMs }: FilesSubject, ctimeNs: bigint): boolean {
  return ctimeNs < BigInt(settledBeforeMs) * 1_000_000n;
}

async function foundAt(root: string, path: BytePath): Promise<Found | undefined> {
  try {
    return { path, stat: await lstat(onDisk(root, path), { bigint: true }) };
  } catch {
    return undefined;
  }
}

/** Undefined of what has no contents, or cannot be read. */
async function hashIn(
  { tally, check }: FilesSubject,
  root: string,
  found: Found,
): Promise<string | undefined> {
  try {
    return (await contentsOf(root, found, () => (check(), false)))?.hash;
  } catch (error) {
    // The time is up: not the file's fault.
    check();
    tally.add(found.path, `cannot be read: ${wordOf(error)}`);
    return undefined;
  }
}
