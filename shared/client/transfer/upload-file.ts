import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import * as z from 'zod';
import { ProductError } from '#shared/model/errors.ts';
import { partBytesFor, planParts, progressOf, type Part } from '#shared/model/transfer.ts';
import { loadPart, putParts, type LoadedPart } from './put-part.ts';
import type { PartUrls, TransferOptions, UploadResult, UploadedPart } from './types.ts';

export interface UploadFileOptions extends TransferOptions {
  readonly file: string;
  /** Names the upload at the other end (its operation, its upload id): parts are resumed within one upload only. */
  readonly upload: string;
  readonly urls: PartUrls;
  /** As the upload was begun with; default `partBytesFor()` the file. */
  readonly partBytes?: number;
}

const UploadState = z.strictObject({
  upload: z.string(),
  sizeBytes: z.int().min(0),
  /** The file's modification time in nanoseconds: another file under the name is not resumed. */
  mtime: z.string(),
  partBytes: z.int().positive(),
  parts: z.array(
    z.strictObject({ partNumber: z.int(), sizeBytes: z.int(), sha256: z.string(), etag: z.string() }),
  ),
});
export type UploadState = z.infer<typeof UploadState>;

const atOnce = 4;
const stateOf = (file: string): string => `${file}.upload.json`;

/**
 * What has been sent of a file, if that was begun and neither finished nor forgotten, and the file is still the same.
 */
export async function readUploadState(file: string): Promise<UploadState | undefined> {
  const text = await readFile(stateOf(file), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const state = UploadState.safeParse(parseJson(text)).data;
  const handle = await open(file, 'r');
  try {
    const { size, mtimeNs } = await handle.stat({ bigint: true });
    return state?.mtime === `${mtimeNs}` && BigInt(state.sizeBytes) === size ? state : undefined;
  } finally {
    await handle.close();
  }
}

/** Removes the note of what was sent: once the other end has put the parts together, or given them up. */
export async function forgetUpload(file: string): Promise<void> {
  await rm(stateOf(file), { force: true });
}

/**
 * Sends a file in parts, four at a time. What arrived is noted in FILE.upload.json, so that the same call after a crash
 * sends the rest only; where that cannot be written (a read-only directory) it all works but the resuming.
 * @throws as `putParts`; InvalidInput when the file changed while it was sent.
 */
export async function uploadFile(options: UploadFileOptions): Promise<UploadResult> {
  const { file, upload } = options;
  const handle = await open(file, 'r');
  try {
    const { size, mtimeNs } = await handle.stat({ bigint: true });
    const sizeBytes = Number(size);
    const partBytes = options.partBytes ?? partBytesFor(sizeBytes);
    const plan = planParts(sizeBytes, partBytes);
    const fresh: UploadState = { upload, sizeBytes, mtime: `${mtimeNs}`, partBytes, parts: [] };
    const known = await readUploadState(file);
    const state = known?.upload === upload && known.partBytes === partBytes ? known : fresh;
    return await sendAll({ handle, plan, state }, options);
  } finally {
    await handle.close();
  }
}

interface Sending {
  readonly handle: FileHandle;
  readonly plan: readonly Part[];
  readonly state: UploadState;
}

async function sendAll({ handle, plan, state }: Sending, options: UploadFileOptions): Promise<UploadResult> {
  const whole = createHash('sha256');
  const parts: UploadedPart[] = [];
  let sizeBytes = 0;
  let loaded: LoadedPart[] = [];
  const flush = async (): Promise<void> => {
    const known = new Map(state.parts.map((part) => [part.partNumber, part]));
    // A part counts as sent only while the file still has those bytes.
    const missing = loaded.filter(({ partNumber, sha256 }) => known.get(partNumber)?.sha256 !== sha256);
    for (const part of missing.length === 0 ? [] : await putParts(missing, options.urls, options))
      known.set(part.partNumber, part);
    for (const { partNumber } of loaded) parts.push(known.get(partNumber) as UploadedPart);
    loaded = [];
    state.parts = [...known.values()].toSorted((a, b) => a.partNumber - b.partNumber);
    if (missing.length > 0) await note(options.file, state);
    options.onProgress?.(progressOf(sizeBytes, state.sizeBytes));
  };
  for (const part of plan) {
    const content = await readPart(handle, part);
    whole.update(content);
    sizeBytes += content.length;
    loaded.push(loadPart(part.number, content));
    if (loaded.length === atOnce) await flush();
  }
  await flush();
  return { parts, sizeBytes, sha256: whole.digest('hex') };
}

async function readPart(handle: FileHandle, { offset, sizeBytes }: Part): Promise<Buffer> {
  const content = Buffer.alloc(sizeBytes);
  for (let done = 0; done < sizeBytes;) {
    const { bytesRead } = await handle.read(content, done, sizeBytes - done, offset + done);
    if (bytesRead === 0)
      throw new ProductError('InvalidInput', 'The file became shorter while it was sent.', {
        hint: 'Send it once it no longer changes.',
      });
    done += bytesRead;
  }
  return content;
}

async function note(file: string, state: UploadState): Promise<void> {
  const draft = `${stateOf(file)}.new`;
  try {
    await writeFile(draft, JSON.stringify(state), { mode: 0o600 });
    await rename(draft, stateOf(file));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EROFS' && code !== 'EACCES' && code !== 'EPERM') throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
