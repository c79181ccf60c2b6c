import { access } from 'node:fs/promises';
import { ProductError } from '#shared/model/errors.ts';
import { formatSize } from '#shared/model/size.ts';
import type { TransferProgress } from '#shared/model/transfer.ts';
import type { TransferReport } from '#shared/model/archive-transfer.ts';
import type { World } from '../world.ts';

/** An archive may be large: longer than any other operation takes. */
export const archiveTimeout = '24h';
const mostNotes = 10;

/** Shows a transfer while it runs. */
export async function withProgress<T>(
  { terminal }: World,
  title: string,
  transfer: (onProgress: (progress: TransferProgress) => void) => Promise<T>,
): Promise<T> {
  const progress = terminal.progress(title);
  // Off a terminal each report is a line.
  const pace = terminal.asks ? 1 : 25;
  try {
    const result = await transfer(({ doneBytes, totalBytes = doneBytes, percent = 0 }) =>
      progress.report(percent - (percent % pace), `of ${roughly(totalBytes)}`),
    );
    progress.done(`${title}: done`);
    return result;
  } catch (error) {
    progress.failed(`${title}: not done`);
    throw error;
  }
}

/** Bytes for people: rounded to what a person reads. */
export function roughly(bytes: number): string {
  const unit = [2 ** 40, 2 ** 30, 2 ** 20, 2 ** 10].find((size) => bytes >= 10 * size) ?? 1;
  return unit === 1 ? `${bytes} bytes` : formatSize(Math.round(bytes / unit) * unit);
}

/** What the host noted, on stderr: stdout holds the result alone. */
export function sayNotes({ terminal }: World, report: TransferReport | undefined): void {
  const { notes = [] } = report ?? {};
  for (const note of notes.slice(0, mostNotes)) terminal.err(`Note: ${note}`);
  if (notes.length > mostNotes) terminal.err(`Note: ${notes.length - mostNotes} more; --json has them.`);
}

export async function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** @throws ProductError InvalidInput when there is no such file */
export async function demandFile(file: string): Promise<void> {
  if (await isThere(file)) return;
  throw new ProductError('InvalidInput', `There is no file ${file} that can be read.`, {
    value: file,
    allowed: 'a tar.gz, such as one of "hivemind volume backup --output"',
  });
}
