import { constants } from 'node:fs';
import { chmod, chown, mkdir, open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ProductError } from '#shared/model/errors.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import type { Owner } from '#shared/model/volume.ts';

/** A directory of the host, held open: what was checked is what will be bound. */
export interface HeldDirectory {
  /** Where it really is. */
  readonly path: string;
  /** /proc/PID/fd/N: names the open directory, whatever happens to its path. */
  readonly descriptor: string;
  close(): Promise<void>;
}

export interface HostPathRules {
  readonly allowedRoots: readonly string[];
  /** Directories of the agent itself: a volume may not reach into another volume's. */
  readonly reserved: readonly string[];
}

/**
 * Contract 9: opens first, then looks where the descriptor really is. Symbolic links are followed, and judged by where they lead.
 * @throws PathRefused when it is missing, no directory, outside the roots or the agent's own.
 */
export async function holdHostPath(path: string, rules: HostPathRules, shown = path): Promise<HeldDirectory> {
  const handle = await openDirectory(path, shown);
  try {
    const descriptor = `/proc/${process.pid}/fd/${handle.fd}`;
    const real = await readlink(descriptor);
    const roots = await Promise.all([realRoots(rules.allowedRoots), realOrComing(rules.reserved)]);
    if (!isUnder(real, roots[0])) throw outside(shown, real, rules); // guard: path-inside
    if (touches(real, roots[1])) throw reserved(shown); // guard: path-reserved
    return { path: real, descriptor, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Makes what is missing of a path, as `docker run -v` does, a component at a time through the descriptor of its parent.
 * The last one gets the volume's owner and mode if it was made here; what was there is not touched.
 */
export async function createHostPath(path: string, owner: Owner, rules: HostPathRules): Promise<void> {
  const root = rules.allowedRoots.find((one) => isUnder(path, [one]));
  if (root === undefined) throw outside(path, path, rules);
  await mkdir(root, { recursive: true, mode: 0o755 });
  const parts = path
    .slice(root.length)
    .split('/')
    .filter((part) => part !== '');
  const own = await realOrComing(rules.reserved);
  let parent = await holdHostPath(root, { ...rules, reserved: [] });
  for (const [index, part] of parts.entries()) {
    const child = `${parent.descriptor}/${part}`;
    try {
      if (isUnder(`${parent.path}/${part}`, own)) throw reserved(path);
      await makeDirectory(child, index === parts.length - 1 ? owner : undefined);
      const next = await holdHostPath(child, { ...rules, reserved: [] }, path);
      await parent.close();
      parent = next;
    } catch (error) {
      await parent.close();
      throw error;
    }
  }
  await parent.close();
}

async function makeDirectory(path: string, owner: Owner | undefined): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    throw error;
  }
  if (owner === undefined) return;
  await chown(path, owner.uid, owner.gid);
  await chmod(path, Number.parseInt(owner.mode, 8));
}

async function openDirectory(path: string, shown: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (cause) {
    throw new ProductError('PathRefused', `${shown} is not a directory of this host that can be opened.`, {
      value: shown,
      hint: `Make it ("mkdir -p ${shown}"), or use another path.`,
      cause,
    });
  }
}

/** A root may itself be a link (/data on many hosts); one that is missing allows nothing. */
async function realRoots(roots: readonly string[]): Promise<string[]> {
  const real = await mapLimit(roots, 4, (root) => realpath(root).catch(() => undefined));
  return real.filter((root) => root !== undefined);
}

/** A directory of the agent's that is not there yet is its own all the same: whoever made it first could lead it elsewhere. */
async function realOrComing(directories: readonly string[]): Promise<string[]> {
  return mapLimit(directories, 4, async (directory) => {
    const parent = await realpath(dirname(directory)).catch(() => dirname(directory));
    return realpath(directory).catch(() => join(parent, basename(directory)));
  });
}

function isUnder(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(root === '/' ? root : `${root}/`));
}

/** Inside a reserved directory, or above one. */
function touches(path: string, roots: readonly string[]): boolean {
  return isUnder(path, roots) || roots.some((root) => isUnder(root, [path]));
}

function outside(path: string, real: string, { allowedRoots }: HostPathRules): ProductError {
  const where = real === path ? path : `${path} (really ${real})`;
  return new ProductError('PathRefused', `${where} is not under an allowed root of this host.`, {
    value: path,
    allowed: allowedRoots.join(', '),
    hint: 'Use a path under one of these, or add its root to allowedRoots in the agent’s configuration.',
  });
}

function reserved(path: string): ProductError {
  return new ProductError('PathRefused', `${path} belongs to the agent itself.`, {
    value: path,
    hint: 'Use a directory of its own for the volume.',
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
