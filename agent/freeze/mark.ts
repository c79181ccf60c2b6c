import { randomBytes } from 'node:crypto';
import { ProductError } from '#shared/model/errors.ts';
import type { Log } from '#agent/log.ts';
import type { Watchdog } from './watchdog.ts';

/** A random word in the volume, by which a restored copy shows that it is the one that was cut after it was written. */
export interface Mark {
  /** Below the root of the volume's filesystem, beside the data directory: containers neither see nor change it. */
  readonly path: string;
  /** 64 hex digits; the file has a newline behind them. */
  readonly value: string;
}

const path = '.hivemind/mark';
const markBytes = 32;

/** A volume that is full, or that nobody can write to, is backed up all the same. */
const tolerated = ['EROFS', 'ENOSPC', 'EDQUOT'];

/**
 * Has a new mark written and synced: contents, name, and the name of its directory. Where this throws, the watchdog is ended.
 * @returns undefined where the volume is read-only or full.
 * @throws VolumeBusy when it takes no writes; PathRefused when something else has the directory's name; StorageFailed.
 */
export async function writeMark(
  log: Log,
  mountpoint: string,
  watchdog: Pick<Watchdog, 'mark' | 'thaw'>,
): Promise<Mark | undefined> {
  const value = randomBytes(markBytes).toString('hex');
  const answer = await watchdog.mark(value);
  if (answer === 'marked') return { path, value };
  if (!tolerated.includes(answer)) {
    await watchdog.thaw();
    throw unmarked(`${mountpoint}/${path}`, answer);
  }
  log.warn('no mark was written', { path: mountpoint, reason: answer });
  return undefined;
}

function unmarked(file: string, errno: string): ProductError {
  const foreign = ['ENOTDIR', 'ELOOP', 'EISDIR'].includes(errno);
  return new ProductError(foreign ? 'PathRefused' : 'StorageFailed', `${file} cannot be written: ${errno}.`, {
    value: file,
    hint: foreign
      ? "Move what is there away: the name .hivemind at the root of a volume's filesystem is Hivemind's."
      : 'Look at the kernel log of the host ("dmesg"): the filesystem or its device has a fault.',
  });
}
