import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';
import { downloadFrom, otherContent, type DownloadOptions } from './ranges.ts';

export interface DownloadFileOptions extends DownloadOptions {
  readonly file: string;
  /** Replace a file that is there; default: it is refused before a byte is asked for. */
  readonly overwrite?: boolean;
}

/** FILE.partial.json: what FILE.partial is a beginning of. */
const PartialNote = z.strictObject({ sizeBytes: z.int(), sha256: z.string() });

/**
 * Fetches an object to a file that appears under its name when it is whole and its SHA-256 is right. Until then its bytes
 * stand in FILE.partial, and the same call after a crash goes on where that ends.
 * @throws as `downloadFrom`; TransferFailed when the SHA-256 is another (the partial file is then removed); InvalidInput
 *   when the file is there.
 */
export async function downloadToFile(options: DownloadFileOptions): Promise<{ readonly resumedAt: number }> {
  const { file, sha256, overwrite = false } = options;
  if (!overwrite && (await exists(file))) throw taken(file);
  const [partial, note] = [`${file}.partial`, `${file}.partial.json`];
  const hash = createHash('sha256');
  const resumedAt = await resumePoint(options, hash);
  const handle = await open(partial, resumedAt === 0 ? 'w' : 'r+', 0o600);
  try {
    // What lies beyond is not covered by the checksum so far.
    await handle.truncate(resumedAt);
    let at = resumedAt;
    for await (const chunk of downloadFrom(resumedAt, options)) {
      hash.update(chunk);
      for (let done = 0; done < chunk.length;)
        done += (await handle.write(chunk, done, chunk.length - done, at + done)).bytesWritten;
      at += chunk.length;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  const found = hash.digest('hex');
  if (found !== sha256) {
    for (const path of [partial, note]) await rm(path, { force: true });
    throw otherContent(sha256, found);
  }
  await rename(partial, file);
  await rm(note, { force: true });
  await syncFolder(file);
  return { resumedAt };
}

/** Bytes of a partial file that belong to this object, and are in the hash; notes what will come. */
async function resumePoint({ file, sizeBytes, sha256 }: DownloadFileOptions, hash: Hash): Promise<number> {
  const [partial, note] = [`${file}.partial`, `${file}.partial.json`];
  const text = await readFile(note, 'utf8').catch(() => '');
  const known = PartialNote.safeParse(parseJson(text)).data;
  const length = await stat(partial).then(
    ({ size }) => size,
    () => 0,
  );
  if (known?.sha256 !== sha256 || known.sizeBytes !== sizeBytes || length > sizeBytes) {
    await rm(partial, { force: true });
    await writeFile(note, JSON.stringify({ sizeBytes, sha256 }), { mode: 0o600, flush: true });
    return 0;
  }
  if (length === 0) return 0;
  for await (const chunk of createReadStream(partial)) hash.update(chunk as Buffer);
  return length;
}

async function syncFolder(file: string): Promise<void> {
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function taken(file: string): ProductError {
  return new ProductError('InvalidInput', `${file} is there already.`, {
    value: file,
    allowed: 'a file that does not exist',
    hint: 'Choose another name, or remove it first.',
  });
}
