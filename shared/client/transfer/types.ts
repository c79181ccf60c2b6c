import type { TransferProgress } from '#shared/model/transfer.ts';

/** A part that is to be sent: its content is known, so that its URL can be signed for nothing else. */
export interface PartWanted {
  readonly partNumber: number;
  readonly sizeBytes: number;
  /** Base64, as S3 writes it. */
  readonly sha256: string;
}

/**
 * Where a part goes. The signer puts `x-amz-checksum-sha256` among the signed headers: S3 ignores a checksum in the query,
 * and refuses (403) an `x-amz-` header that was not signed.
 */
export interface PartUrl {
  readonly partNumber: number;
  readonly url: string;
  /** Headers that were signed, sent as they are. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A part that arrived, as CompleteMultipartUpload wants it. */
export interface UploadedPart extends PartWanted {
  readonly etag: string;
}

/** Asks for URLs of parts, several at a time; asked again for a part whose URL has expired. */
export type PartUrls = (parts: readonly PartWanted[]) => Promise<readonly PartUrl[]>;

export interface TransferOptions {
  readonly fetch?: typeof fetch;
  /** Waits so many milliseconds. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Tries without any progress before a transfer is given up; default 8, about a minute. */
  readonly tries?: number;
  /** Milliseconds without a byte before a connection counts as dead; default 60,000. */
  readonly stallMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TransferProgress) => void;
}

export interface UploadResult {
  readonly parts: readonly UploadedPart[];
  readonly sizeBytes: number;
  /** Of all bytes, hex. */
  readonly sha256: string;
}
