import { ProductError } from '#shared/model/errors.ts';
import { progressOf } from '#shared/model/transfer.ts';
import { Stall, Tries, UrlRefused, answerError, connectionError } from './retry.ts';
import type { TransferOptions } from './types.ts';

export interface DownloadOptions extends TransferOptions {
  /** A presigned GET of the object; asked again when it has expired. */
  readonly url: () => Promise<string>;
  readonly sizeBytes: number;
  /** Hex SHA-256 of all bytes, as the sender said it. */
  readonly sha256: string;
}

/** Asked for at a time: one request that breaks loses nothing, one that is slow outlives no signature. */
const rangeBytes = 64 * 2 ** 20;

/**
 * The bytes of an object from an offset on, by ranges: a connection that breaks is taken up at the byte where it broke.
 * The checksum is the caller's to verify.
 * @throws ProductError Unavailable, AccessDenied or StorageFailed as the storage answered last.
 */
export async function* downloadFrom(offset: number, options: DownloadOptions): AsyncGenerator<Buffer> {
  const tries = new Tries(options);
  const state: { url?: string; etag?: string } = {};
  for (let at = offset; at < options.sizeBytes;) {
    try {
      state.url ??= await options.url();
      for await (const chunk of range(at, state as RangeState, options)) {
        at += chunk.length;
        tries.progressed();
        options.onProgress?.(progressOf(at, options.sizeBytes));
        yield chunk;
      }
    } catch (error) {
      await tries.again(error);
      if (error instanceof UrlRefused) delete state.url;
    }
  }
}

interface RangeState {
  readonly url: string;
  /** Of the object that the first range came from. */
  etag?: string;
}

async function* range(from: number, state: RangeState, options: DownloadOptions): AsyncGenerator<Buffer> {
  const { fetch: send = fetch, sizeBytes, signal } = options;
  const last = Math.min(from + rangeBytes, sizeBytes) - 1;
  const stall = new Stall(options);
  try {
    const response = await send(state.url, {
      headers: { range: `bytes=${from}-${last}`, 'accept-encoding': 'identity' },
      redirect: 'error',
      signal: stall.signal,
    });
    if (!response.ok) throw await answerError(response);
    checkRange(response, state, `bytes ${from}-${last}/${sizeBytes}`);
    for await (const chunk of response.body ?? []) {
      // Whoever reads may take its time.
      stall.end();
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      stall.moved();
    }
  } catch (error) {
    throw connectionError(stall.signal.aborted ? stall.signal.reason : error, signal);
  } finally {
    stall.end();
  }
}

/** What came is what was asked for, of the same object, byte for byte. */
function checkRange({ status, headers }: Response, state: RangeState, wanted: string): void {
  const got = headers.get('content-range');
  const etag = headers.get('etag') ?? undefined;
  const encoded = headers.get('content-encoding') ?? 'identity';
  if (status !== 206 || got !== wanted || encoded !== 'identity')
    throw new ProductError(
      'StorageFailed',
      `The storage sent "${got ?? status}" where "${wanted}" was asked for.`,
      {
        hint: 'The object is not the one that was announced, or something between changes answers.',
      },
    );
  if (state.etag !== undefined && etag !== state.etag)
    throw new ProductError('StorageFailed', 'The object was replaced while it was read.', {
      hint: 'Begin the transfer again.',
    });
  if (etag !== undefined) state.etag = etag;
}

export function otherContent(expected: string, found: string): ProductError {
  return new ProductError('TransferFailed', `What arrived has SHA-256 ${found}, not ${expected}.`, {
    value: found,
    allowed: expected,
    hint: 'Nothing of it was kept. Repeat the command.',
  });
}
