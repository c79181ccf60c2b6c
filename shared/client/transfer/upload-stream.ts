import { createHash } from 'node:crypto';
import { ProductError } from '#shared/model/errors.ts';
import { maxParts, progressOf } from '#shared/model/transfer.ts';
import { loadPart, putParts, type LoadedPart } from './put-part.ts';
import type { PartUrls, TransferOptions, UploadResult, UploadedPart } from './types.ts';

export interface UploadStreamOptions extends TransferOptions {
  readonly urls: PartUrls;
  /** Bytes of each part but the last: `partBytesFor()` of an upper bound. */
  readonly partBytes: number;
}

/** Half of it is sent while the other half is filled. */
const memoryBytes = 64 * 2 ** 20;
const maxAtOnce = 4;

/**
 * Sends a stream in parts. What was read and has not arrived is held in memory: up to 64 MiB, or two parts where parts are
 * larger. A stream cannot be resumed: on failure the upload is to be aborted.
 * @throws as `putParts`; the stream's own error; LimitExceeded when it is longer than 10,000 parts.
 */
export async function uploadStream(
  stream: AsyncIterable<Uint8Array>,
  options: UploadStreamOptions,
): Promise<UploadResult> {
  const { partBytes } = options;
  const atOnce = Math.max(1, Math.min(maxAtOnce, Math.floor(memoryBytes / 2 / partBytes)));
  const whole = createHash('sha256');
  const sender = new BatchSender(options);
  let loaded: LoadedPart[] = [];
  let count = 0;
  for await (const content of inPieces(stream, partBytes)) {
    if (++count > maxParts) throw tooLong(partBytes);
    whole.update(content);
    loaded.push(loadPart(count, content));
    if (loaded.length < atOnce) continue;
    await sender.send(loaded);
    loaded = [];
  }
  if (loaded.length > 0) await sender.send(loaded);
  const parts = await sender.end();
  return { parts, sizeBytes: sender.sizeBytes, sha256: whole.digest('hex') };
}

/** One batch on its way at a time, so that the next one can be read meanwhile. */
class BatchSender {
  readonly #options: UploadStreamOptions;
  readonly #parts: UploadedPart[] = [];
  #sending: Promise<void> = Promise.resolve();
  sizeBytes = 0;

  constructor(options: UploadStreamOptions) {
    this.#options = options;
  }

  /** Begins to send once the batch before has arrived. */
  async send(batch: readonly LoadedPart[]): Promise<void> {
    await this.#sending;
    this.#sending = this.#put(batch);
    // Noticed at the next send or the end.
    this.#sending.catch(() => undefined);
  }

  async end(): Promise<readonly UploadedPart[]> {
    await this.#sending;
    return this.#parts;
  }

  async #put(batch: readonly LoadedPart[]): Promise<void> {
    for (const part of await putParts(batch, this.#options.urls, this.#options)) {
      this.#parts.push(part);
      this.sizeBytes += part.sizeBytes;
    }
    this.#options.onProgress?.(progressOf(this.sizeBytes));
  }
}

/** Pieces of exactly so many bytes, the last one shorter; one of no bytes for an empty stream. */
async function* inPieces(stream: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  let any = false;
  for await (let chunk of stream) {
    while (bytes + chunk.length >= size) {
      yield Buffer.concat([...waiting, chunk.subarray(0, size - bytes)]);
      any = true;
      chunk = chunk.subarray(size - bytes);
      waiting = [];
      bytes = 0;
    }
    if (chunk.length > 0) waiting.push(chunk);
    bytes += chunk.length;
  }
  if (bytes > 0 || !any) yield Buffer.concat(waiting);
}

function tooLong(partBytes: number): ProductError {
  return new ProductError(
    'LimitExceeded',
    `The stream is longer than ${maxParts} parts of ${partBytes} bytes.`,
    {
      hint: 'The volume grew while it was read. Begin again.',
    },
  );
}
