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
export async function* walk(root: string, { skip, unreadable }: WalkOptions): AsyncGenerator<Found> {
  const { dev } = await lstat(root, { bigint: true });
  const waiting = (await namesIn(root, '', unreadable)).filter((name) => skip?.has(name) !== true);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const stat = await lstat(onDisk(root, path), { bigint: true }).catch((error: unknown) => {
      unreadable(path, error);
    });
    if (stat === undefined || stat.dev !== dev) continue;
    yield { path, stat };
    if (!stat.isDirectory()) continue;
    for (const name of await namesIn(root, path, unreadable)) waiting.push(join(path, name));
  }
}

/** Last one first, so that the first is taken next. */
async function namesIn(
  root: string,
  path: BytePath,
  unreadable: WalkOptions['unreadable'],
): Promise<string[]> {
  try {
    const names = await readdir(onDisk(root, path), { encoding: 'latin1' });
    return names.sort().reverse();
  } catch (error) {
    unreadable(path, error);
    return [];
  }
}

/** Where the walk comes to `a` against `b`: below 0 before, 0 the same, above 0 after. */
export function inWalkOrder(a: BytePath, b: BytePath): number {
  const [left, right] = [a.replaceAll('/', '\0'), b.replaceAll('/', '\0')];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
