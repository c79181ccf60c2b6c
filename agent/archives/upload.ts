import { partBytesFor } from '#shared/model/transfer.ts';
import { uploadStream } from '#shared/client/transfer/upload-stream.ts';
import type { PartUrls, TransferOptions, UploadResult } from '#shared/client/transfer/types.ts';
import { reservedNames } from './reserved.ts';
import { pack, type PackOptions, type PackResult } from './pack.ts';

export interface UploadArchiveOptions extends Omit<PackOptions, 'signal' | 'onProgress'>, TransferOptions {
  readonly urls: PartUrls;
  /** The most that the archive may come to: bytes used on the volume. */
  readonly expectedBytes: number;
}

export interface UploadedArchive extends UploadResult {
  readonly packed: PackResult;
}

/** What does not compress grows by a little, and each file has headers: 1/8 and 64 MiB are beyond both. */
const spareBytes = 64 * 2 ** 20;

/**
 * Packs a volume's files and sends them as they come; nothing is stored on the host. When it fails the other end is to
 * abort the upload: a stream is not resumed, it is packed again.
 * @throws as `pack` and `uploadStream`.
 */
export async function uploadArchive(options: UploadArchiveOptions): Promise<UploadedArchive> {
  const abort = new AbortController();
  const { directory, metadata, without = reservedNames, level, expectedBytes } = options;
  const signal =
    options.signal === undefined ? abort.signal : AbortSignal.any([options.signal, abort.signal]);
  const packing = pack({ directory, metadata, without, signal, ...(level === undefined ? {} : { level }) });
  try {
    const partBytes = partBytesFor(Math.ceil(expectedBytes * 1.125) + spareBytes);
    const sent = await uploadStream(packing.stream, { ...options, partBytes });
    return { ...sent, packed: await packing.result };
  } catch (error) {
    abort.abort(error);
    throw error;
  }
}
