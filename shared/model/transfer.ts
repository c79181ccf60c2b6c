import { ProductError } from './errors.ts';

const MiB = 2 ** 20;
/** S3's limits of a multipart upload. Source: Amazon S3 User Guide, Multipart upload limits. */
export const maxParts = 10_000;
const maxPartBytes = 5 * 2 ** 30;
/** Small enough to be sent again without regret, large enough that requests cost little. */
export const minPartBytes = 8 * MiB;
/** 10,000 parts of 5 GiB. */
export const maxTransferBytes = maxParts * maxPartBytes;

/** A part of a transfer. */
export interface Part {
  /** 1 to 10,000. */
  readonly number: number;
  /** Bytes from the beginning. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * Bytes of each part but the last, so that so many bytes fit into 10,000 parts: whole MiB, at least 8.
 * @throws ProductError LimitExceeded beyond what S3 takes.
 */
export function partBytesFor(totalBytes: number): number {
  if (!(totalBytes <= maxTransferBytes))
    throw new ProductError('LimitExceeded', `${totalBytes} bytes are more than one transfer takes.`, {
      value: totalBytes,
      allowed: `up to ${maxTransferBytes} bytes`,
      hint: 'Use a snapshot or a restic backup.',
    });
  return Math.max(minPartBytes, Math.ceil(totalBytes / maxParts / MiB) * MiB);
}

/** The parts of so many bytes, in order. Nothing is one part of no bytes, since a multipart upload has at least one. */
export function planParts(totalBytes: number, partBytes = partBytesFor(totalBytes)): Part[] {
  const count = Math.max(1, Math.ceil(totalBytes / partBytes));
  if (count > maxParts)
    throw new ProductError(
      'LimitExceeded',
      `Parts of ${partBytes} bytes are too small for ${totalBytes} bytes.`,
      {
        value: partBytes,
        allowed: `at least ${partBytesFor(totalBytes)} bytes`,
      },
    );
  return Array.from({ length: count }, (_, index) => ({
    number: index + 1,
    offset: index * partBytes,
    sizeBytes: Math.min(partBytes, totalBytes - index * partBytes),
  }));
}

/** How far a transfer is, for a progress bar. */
export interface TransferProgress {
  readonly doneBytes: number;
  /** Undefined while nobody knows: an archive that is still being made. */
  readonly totalBytes: number | undefined;
  /** 0 to 100, whole; 100 only when all is done. */
  readonly percent: number | undefined;
}

export function progressOf(doneBytes: number, totalBytes?: number): TransferProgress {
  if (totalBytes === undefined) return { doneBytes, totalBytes, percent: undefined };
  const done = Math.min(doneBytes, totalBytes);
  const percent = totalBytes === 0 ? 100 : Math.floor((done / totalBytes) * 100);
  return { doneBytes: done, totalBytes, percent };
}
