import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BytePath } from '#shared/model/byte-path.ts';

export interface Found {
  readonly path: BytePath;
  readonly stat: BigIntStats;
}

export interface WalkOptions {
  /** Names directly below the root that are left out. */
  readonly skip?: ReadonlySet<string>;
  /** Directories alone: what is known to be none is not looked at. @default false */
  readonly directoriesOnly?: boolean;
  /** A directory or entry that cannot be read. */
  readonly unreadable: (path: BytePath, error: unknown) => void;
}

/** What every walk of a volume leaves out: our own directory, and what mkfs made. */
export const ownNames: ReadonlySet<string> = new Set(['.hivemind', 'lost+found']);

/** The real path as the kernel wants it. */
export function onDisk(root: string, path: BytePath): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
}

/** Everything below a root and on its filesystem: parents before children, siblings in the order of their bytes. */
export async function* walk(root: string, options: WalkOptions): AsyncGenerator<Found> {
  const { skip, directoriesOnly = false, unreadable } = options;
  const { dev } = await lstat(root, { bigint: true });
  const waiting = (await namesIn(root, '', options)).filter((name) => skip?.has(name) !== true);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const stat = await lstat(onDisk(root, path), { bigint: true }).catch((error: unknown) => {
      unreadable(path, error);
    });
    if (stat === undefined || stat.dev !== dev) continue;
    if (!stat.isDirectory()) {
      if (!directoriesOnly) yield { path, stat };
      continue;
    }
    // Before somebody takes their time over it: it may be renamed meanwhile.
    const names = await namesIn(root, path, options);
    yield { path, stat };
    for (const name of names) waiting.push(join(path, name));
  }
}

/** Last one first, so that the first is taken next. */
async function namesIn(
  root: string,
  path: BytePath,
  { directoriesOnly = false, unreadable }: WalkOptions,
): Promise<string[]> {
  try {
    const names = await (directoriesOnly ? directoriesIn : allIn)(onDisk(root, path));
    return names.sort().reverse();
  } catch (error) {
    unreadable(path, error);
    return [];
  }
}

function allIn(directory: Buffer): Promise<string[]> {
  return readdir(directory, { encoding: 'latin1' });
}

/** Where a file system does not tell kinds, Node asks for each one, and fails with any that goes away: then those of all kinds. */
async function directoriesIn(directory: Buffer): Promise<string[]> {
  const entries = await readdir(directory, { encoding: 'buffer', withFileTypes: true }).catch(
    () => undefined,
  );
  if (entries === undefined) return allIn(directory);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name.toString('latin1'));
}

/** Where the walk comes to `a` against `b`: below 0 before, 0 the same, above 0 after. */
export function inWalkOrder(a: BytePath, b: BytePath): number {
  const [left, right] = [a.replaceAll('/', '\0'), b.replaceAll('/', '\0')];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
