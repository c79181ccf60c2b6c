import { constants } from 'node:fs';
import { mkdir, open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ProductError } from '#shared/model/errors.ts';

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
export async function holdHostPath(path: string, rules: HostPathRules): Promise<HeldDirectory> {
  const handle = await openDirectory(path);
  try {
    const descriptor = `/proc/${process.pid}/fd/${handle.fd}`;
    const real = await readlink(descriptor);
    const roots = await Promise.all([realRoots(rules.allowedRoots), realRoots(rules.reserved)]);
    if (!isUnder(real, roots[0])) throw outside(path, real, rules); // guard: path-inside
    if (touches(real, roots[1])) throw reserved(path); // guard: path-reserved
    return { path: real, descriptor, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Makes a missing directory (option `create=true`) below an existing one inside the roots. */
export async function createHostPath(path: string, rules: HostPathRules): Promise<void> {
  const parent = await holdHostPath(dirname(path), { ...rules, reserved: rules.reserved });
  try {
    await mkdir(`${parent.descriptor}/${path.slice(path.lastIndexOf('/') + 1)}`, { mode: 0o755 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await parent.close();
  }
}

async function openDirectory(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    const missing = codeOf(error) === 'ENOENT';
    throw new ProductError('PathRefused', `${path} is not a directory of this host that can be opened.`, {
      value: path,
      hint: missing
        ? `Make it ("mkdir ${path}"), or create the volume with the option create=true.`
        : 'Use another path.',
      cause: error,
    });
  }
}

/** A root may itself be a link (/data on many hosts); one that is missing allows nothing. */
async function realRoots(roots: readonly string[]): Promise<string[]> {
  const real = await Promise.all(
    [...roots].slice(0, 32).flatMap((root) => [realpath(root).catch(() => undefined)]),
  );
  return real.filter((root) => root !== undefined);
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
