import { lstat, readdir, readlink } from 'node:fs/promises';
import { pathToText, type BytePath } from '#shared/model/byte-path.ts';
import { mostListed, type ListedEntry } from '#shared/model/extract.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { kindOf } from '#agent/verify/entry.ts';
import { childOf } from './open-below.ts';

export interface Listing {
  readonly entries: readonly ListedEntry[];
  /** Names that it does not have. */
  readonly left: number;
}

const atOnce = 16;

/** The names in a directory that is held open, in the order of their bytes, without those that are left out. */
export async function listDirectory(
  descriptor: string,
  { below, without }: { readonly below: readonly BytePath[]; readonly without: readonly string[] },
): Promise<Listing> {
  const names = await readdir(descriptor, { encoding: 'latin1' });
  const wanted = names.filter((name) => !without.includes(name)).toSorted();
  const listed = wanted.slice(0, mostListed);
  const entries = await mapLimit(listed, atOnce, (name) => entryAt(descriptor, { below, name }));
  return { entries, left: wanted.length - listed.length };
}

async function entryAt(
  descriptor: string,
  { below, name }: { readonly below: readonly BytePath[]; readonly name: BytePath },
): Promise<ListedEntry> {
  const at = childOf(descriptor, name);
  const stat = await lstat(at, { bigint: true });
  const kind = kindOf(stat);
  const target = kind === 'symlink' ? await readlink(at, { encoding: 'latin1' }) : undefined;
  return {
    name: pathToText(name),
    path: pathToText([...below, name].join('/')),
    kind,
    size: Number(stat.size),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mode: (stat.mode & 0o7777n).toString(8).padStart(4, '0'),
    modifiedAt: timeOf(Number(stat.mtimeMs)),
    ...(target === undefined ? {} : { target: pathToText(target) }),
  };
}

const earliest = Date.parse('0001-01-01T00:00:00Z');
const latest = Date.parse('9999-12-31T23:59:59Z');

/** Anybody may set any time: what no date can hold is told as the nearest that one can. */
export function timeOf(milliseconds: number): string {
  const within = Math.min(Math.max(milliseconds, earliest), latest);
  return new Date(within).toISOString();
}

/** A JSON document on each line. */
export function* linesOf(entries: readonly ListedEntry[]): Generator<Buffer> {
  for (const entry of entries) yield Buffer.from(`${JSON.stringify(entry)}\n`);
}
