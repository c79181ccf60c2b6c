import { constants } from 'node:fs';
import { open, readlink, type FileHandle } from 'node:fs/promises';
import { pathToText, type BytePath } from '#shared/model/byte-path.ts';
import { ProductError } from '#shared/model/errors.ts';

/** A file or directory that is held open: what was checked is what is read. */
export interface Opened {
  readonly kind: 'file' | 'directory';
  readonly handle: FileHandle;
  /** /proc/PID/fd/N: names it whatever happens to its path. */
  readonly descriptor: string;
}

const { O_RDONLY, O_NOFOLLOW } = constants;
/** Names a thing without opening it for anything. Not among Node's constants; Linux has this value on x86-64 and ARM64. */
const O_PATH = 0o10_000_000;

/**
 * Contract 9: opens what stands at a path below a directory, a name at a time, each through the descriptor of the one before.
 * No link is followed, nothing but files and directories is opened, and the filesystem is not left.
 * @throws ProductError PathRefused for what is not there, is a link or leads through one, or is neither file nor directory.
 */
export async function openBelow(root: string, names: readonly BytePath[]): Promise<Opened> {
  let opened = await openOne({ at: root, shown: '.', last: names.length === 0 });
  for (const [index, name] of names.entries()) {
    const shown = pathToText(names.slice(0, index + 1).join('/'));
    const at = childOf(opened.descriptor, name);
    try {
      const next = await openOne({ at, shown, last: index === names.length - 1 });
      await opened.handle.close();
      opened = next;
    } catch (error) {
      await opened.handle.close();
      throw error;
    }
  }
  return opened;
}

/** A name below an open directory, as the kernel wants it. */
export function childOf(descriptor: string, name: BytePath): Buffer {
  return Buffer.concat([Buffer.from(`${descriptor}/`), Buffer.from(name, 'latin1')]);
}

interface Wanted {
  readonly at: Buffer | string;
  /** For people. */
  readonly shown: string;
  /** Nothing comes after it: it may be a file. */
  readonly last: boolean;
}

async function openOne(wanted: Wanted): Promise<Opened> {
  const { at, shown } = wanted;
  // A link is opened itself, and so is a pipe or a device, without anything happening to it.
  const flags = O_PATH | O_NOFOLLOW; // guard: extract-no-follow off: const flags = O_PATH;
  const found = await open(at, flags).catch((cause: unknown) => {
    throw refusedPath(shown, 'is not in this backup', cause);
  });
  try {
    const kind = await kindOf(found, wanted);
    // The very thing that was looked at, by its descriptor.
    const handle = await open(`/proc/self/fd/${found.fd}`, O_RDONLY);
    return { kind, handle, descriptor: `/proc/${process.pid}/fd/${handle.fd}` };
  } finally {
    await found.close();
  }
}

async function kindOf(found: FileHandle, { at, shown, last }: Wanted): Promise<Opened['kind']> {
  const stat = await found.stat();
  if (stat.isDirectory()) return 'directory';
  if (stat.isFile() && last) return 'file';
  if (stat.isFile()) throw refusedPath(shown, 'is a file and has nothing below it');
  if (!stat.isSymbolicLink()) throw refusedPath(shown, 'is neither a file nor a directory');
  const target = await readlink(at, { encoding: 'latin1' });
  throw refusedPath(shown, `is a link to "${pathToText(target)}"; links are not followed`);
}

/** Why nothing is read there, in words that follow the path. */
export function refusedPath(shown: string, why: string, cause?: unknown): ProductError {
  return new ProductError('PathRefused', `"${shown}" ${why}.`, {
    value: shown,
    allowed: 'a file or directory of the backup',
    hint: 'See what is there: hivemind backup browse.',
    cause,
  });
}
