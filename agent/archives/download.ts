import { downloadFrom, type DownloadOptions } from '#shared/client/transfer/ranges.ts';
import type { UnpackResult } from './staging.ts';
import { unpack, type UnpackOptions } from './unpack.ts';

export type DownloadArchiveOptions = DownloadOptions &
  Omit<UnpackOptions, 'archive' | 'sha256' | 'onProgress'>;

/**
 * Fetches an archive and unpacks it as it comes; nothing of it lands before its SHA-256 was found right.
 * @throws as `downloadFrom` and `unpack`.
 */
export async function downloadArchive(options: DownloadArchiveOptions): Promise<UnpackResult> {
  const { onProgress, ...rest } = options;
  const download = onProgress === undefined ? rest : { ...rest, onProgress };
  return unpack({ ...rest, archive: downloadFrom(0, download) });
}
