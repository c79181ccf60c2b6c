import { pathToText, type BytePath } from '#shared/model/byte-path.ts';
import { ProductError } from '#shared/model/errors.ts';
import { mostListed, type ListedEntry } from '#shared/model/extract.ts';
import type { Repository } from '#agent/restic/repository.ts';
import { nodesOf, type TreeNode } from '#agent/restic/tree-nodes.ts';
import { timeOf, type Listing } from './listing.ts';
import { refusedPath } from './open-below.ts';

export type Archived = Pick<Repository, 'treeOf' | 'output'>;

/** A snapshot, and where in it the volume's files stand. */
export interface Snapshot {
  readonly snapshotId: string;
  readonly path: string;
}

/** What stands at a path of a snapshot. */
export interface Found extends TreeNode {
  readonly kind: 'file' | 'directory';
}

/**
 * Contract 9, as `openBelow` has it of a copy: looks a path up in a snapshot, a name at a time. No link is followed.
 * @throws ProductError PathRefused for what is not there, is a link or leads through one, or is neither file nor directory;
 *   BackupNotFound when the snapshot is gone.
 */
export async function findArchived(
  repository: Archived,
  { snapshotId, path }: Snapshot,
  names: readonly BytePath[],
): Promise<Found> {
  const root = path.split('/').filter((name) => name !== '');
  let found: Found | undefined;
  let tree = await repository.treeOf(snapshotId);
  for (const [index, name] of [...root, ...names].entries()) {
    const below = index - root.length + 1;
    const shown = below <= 0 ? '.' : pathToText(names.slice(0, below).join('/'));
    const node = await nodeIn(repository, tree, name);
    found = judged(node, { shown, last: below === names.length });
    tree = found.subtree ?? '';
  }
  if (found !== undefined) return found;
  throw new ProductError('BackupNotFound', `The snapshot ${snapshotId} holds no volume.`, { value: path });
}

async function nodeIn(repository: Archived, tree: string, name: BytePath): Promise<TreeNode | undefined> {
  let found: TreeNode | undefined;
  // To its end: only then restic has said that all of it was well.
  for await (const node of nodesIn(repository, tree)) if (node.name === name) found = node;
  return found;
}

function nodesIn(repository: Archived, tree: string): AsyncGenerator<TreeNode> {
  return nodesOf(repository.output({ args: ['cat', 'blob', tree] }));
}

interface Wanted {
  /** For people. */
  readonly shown: string;
  /** Nothing comes after it: it may be a file. */
  readonly last: boolean;
}

function judged(node: TreeNode | undefined, { shown, last }: Wanted): Found {
  if (node === undefined) throw refusedPath(shown, 'is not in this backup');
  const kind = kindOf(node);
  if (kind === 'directory' || (kind === 'file' && last)) return { ...node, kind };
  if (kind === 'file') throw refusedPath(shown, 'is a file and has nothing below it');
  if (kind === 'other') throw refusedPath(shown, 'is neither a file nor a directory');
  throw refusedPath(shown, `is a link to "${pathToText(node.target ?? '')}"; links are not followed`);
}

const kinds: Readonly<Record<string, ListedEntry['kind']>> = {
  file: 'file',
  dir: 'directory',
  symlink: 'symlink',
};

function kindOf({ type }: TreeNode): ListedEntry['kind'] {
  return kinds[type] ?? 'other';
}

/** The names in a directory of a snapshot, in the order of their bytes. */
export async function listArchived(
  repository: Archived,
  { subtree }: Found,
  below: readonly BytePath[],
): Promise<Listing> {
  const entries: ListedEntry[] = [];
  let left = 0;
  for await (const node of nodesIn(repository, subtree ?? '')) {
    if (entries.length < mostListed) entries.push(entryOf(node, below));
    else left += 1;
  }
  return { entries, left };
}

function entryOf(node: TreeNode, below: readonly BytePath[]): ListedEntry {
  const { name, size, uid, gid, mode, mtime, target } = node;
  const kind = kindOf(node);
  return {
    name: pathToText(name),
    path: pathToText([...below, name].join('/')),
    kind,
    size,
    uid,
    gid,
    mode: mode.toString(8).padStart(4, '0'),
    modifiedAt: timeOf(Date.parse(mtime)),
    ...(kind === 'symlink' && target !== undefined ? { target: pathToText(target) } : {}),
  };
}
