import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textToPath, type BytePath } from '#shared/model/byte-path.ts';
import { contentsOf } from './contents.ts';
import { entryOf, type Entry } from './entry.ts';
import type { ManifestReader } from './manifest.ts';
import { wordOf, type Tally } from './tally.ts';
import { inWalkOrder, ownNames, walk, type Found } from './walk.ts';

export interface CompareSubject {
  /** Where the copy is mounted read-only. */
  readonly root: string;
  readonly tally: Tally;
  /** Names in the root that are not compared. @default those of a volume's filesystem */
  readonly skip?: ReadonlySet<string>;
  /** Called between entries and chunks; throws when the time is up. */
  readonly check: () => void;
}

/** The word that was written just before the cut: a copy of any other cut has another one, or none. */
export async function compareMark({ root, tally }: CompareSubject, mark: ManifestReader['head']['mark']) {
  if (mark === undefined) return;
  const found = await readFile(join(root, mark.path), 'utf8').catch((error: unknown) => wordOf(error));
  if (found === `${mark.value}\n`) return;
  const other = `the mark of the cut is not there: this is another copy (${JSON.stringify(found.slice(0, 80))})`;
  tally.say(other); // guard: drill-mark
}

/**
 * Walks the copy and the manifest side by side: both are in the same order. An entry that was settled at the cut must be there
 * just as it was; of one that was not, nothing is known but that what lies below a directory of the same inode is the same.
 */
export async function compareEntries(subject: CompareSubject, manifest: ManifestReader): Promise<void> {
  const { root, tally, skip = ownNames, check } = subject;
  const unreadable = (path: BytePath, error: unknown): void =>
    tally.add(path, `cannot be read: ${wordOf(error)}`);
  const copy = walk(root, { skip, unreadable });
  let found = await next(copy, tally);
  let doubt: string | undefined;
  for await (const expected of manifest.entries) {
    check();
    const path = textToPath(expected.path);
    while (found !== undefined && inWalkOrder(found.path, path) < 0) found = await next(copy, tally);
    const here = found?.path === path ? found : undefined;
    if (doubt !== undefined && path.startsWith(doubt)) continue;
    doubt = isElsewhere(expected, here) ? `${path}/` : undefined;
    if (expected.settled) await compareOne(subject, { expected, here, path });
  }
  while (found !== undefined) found = await next(copy, tally);
}

async function next(copy: AsyncGenerator<Found>, tally: Tally): Promise<Found | undefined> {
  const { value, done } = await copy.next();
  if (done === true) return undefined;
  tally.entries++;
  return value;
}

/** A directory that changed after the cut may have been renamed: then the copy has it under another name, if at all. */
function isElsewhere({ kind, settled, kept, ino }: Entry, here: Found | undefined): boolean {
  return kind === 'directory' && !settled && kept !== true && String(here?.stat.ino) !== ino;
}

interface Pair {
  readonly expected: Entry;
  readonly here: Found | undefined;
  readonly path: BytePath;
}

async function compareOne(subject: CompareSubject, { expected, here, path }: Pair): Promise<void> {
  const { tally } = subject;
  tally.compared++;
  if (here === undefined) return tally.add(path, 'is missing'); // guard: drill-missing off: if (here === undefined) return;
  const is = entryOf(here);
  const differs = fieldsOf(expected).find((field) => is[field] !== expected[field]);
  if (differs !== undefined)
    return tally.add(path, `${differs} is ${is[differs]}, was ${expected[differs]} at the cut`);
  if (expected.hash !== undefined) await compareContents(subject, here, expected.hash);
}

function fieldsOf({ kind }: Entry) {
  const always = ['kind', 'uid', 'gid', 'mode', 'mtime'] as const;
  return kind === 'directory' ? always : ([...always, 'size'] as const);
}

async function compareContents(
  { root, tally, check }: CompareSubject,
  found: Found,
  hash: string,
): Promise<void> {
  const contents = await readWhole({ root, tally, check }, found);
  if (contents === undefined) return;
  if (found.stat.isFile()) tally.hashed++;
  if (contents.hash !== hash) tally.add(found.path, 'its contents differ'); // guard: drill-contents
}

async function readWhole({ root, tally, check }: CompareSubject, found: Found) {
  try {
    return await contentsOf(root, found, () => (check(), false));
  } catch (error) {
    // The time is up: not the file's fault.
    check();
    tally.add(found.path, `cannot be read: ${wordOf(error)}`);
    return undefined;
  }
}

/** Without a manifest: every file is read to its end, and nothing is known of what it should hold. */
export async function readEverything(subject: CompareSubject): Promise<void> {
  const { root, tally, skip = ownNames, check } = subject;
  const unreadable = (path: BytePath, error: unknown): void =>
    tally.add(path, `cannot be read: ${wordOf(error)}`);
  for await (const found of walk(root, { skip, unreadable })) {
    check();
    tally.entries++;
    if ((await readWhole(subject, found)) !== undefined && found.stat.isFile()) tally.hashed++;
  }
}
