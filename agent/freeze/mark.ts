import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { ProductError } from '#shared/model/errors.ts';

/** A random word in the volume, by which a restored copy shows that it is the one that was cut after it was written. */
export interface Mark {
  /** Below the root of the volume's filesystem. */
  readonly path: string;
  /** 64 hex digits. */
  readonly value: string;
}

/** Beside the data directory: containers neither see nor change it. */
const directory = '.hivemind';
const file = 'mark';
const markBytes = 32;

/**
 * Writes a new mark and syncs it: contents, name, and the directory's own name.
 * @param filesystem path of the open root of the filesystem, /proc/self/fd/N.
 * @throws PathRefused when something else has the directory's name; the system's error otherwise (ENOSPC, EROFS, EIO).
 */
export async function writeMark(filesystem: string): Promise<Mark> {
  const place = await openPlace(`${filesystem}/${directory}`);
  try {
    const at = `/proc/self/fd/${place.fd}`;
    const value = randomBytes(markBytes).toString('hex');
    await rm(`${at}/${file}.new`, { recursive: true, force: true });
    await writeFile(`${at}/${file}.new`, `${value}\n`, { flag: 'wx', mode: 0o600, flush: true });
    await rename(`${at}/${file}.new`, `${at}/${file}`);
    await place.sync();
    await syncDirectory(filesystem);
    return { path: `${directory}/${file}`, value };
  } finally {
    await place.close();
  }
}

async function openPlace(path: string): Promise<FileHandle> {
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (!isCode(error, 'EEXIST')) throw error;
  });
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (!isCode(cause, 'ENOTDIR', 'ELOOP')) throw cause;
    throw new ProductError('PathRefused', `The volume's ${directory} is not a directory of its own.`, {
      hint: `Move it away: the name at the root of a volume's filesystem is Hivemind's.`,
      cause,
    });
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
