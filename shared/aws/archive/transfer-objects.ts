import type { SentPart, SignedPart, SignedUrl, WantedPart } from '#shared/model/archive-transfer.ts';

/** A multipart upload under way. */
export interface UploadRef {
  readonly key: string;
  readonly uploadId: string;
}

/** An object, in the version that an upload made where the bucket keeps versions. */
export interface ObjectRef {
  readonly key: string;
  readonly versionId?: string | undefined;
}

/** Archives in the archive bucket. URLs are good for some minutes, and no longer than the keys that signed them. */
export interface TransferObjects {
  /** Begins a multipart upload; its id. */
  begin(key: string): Promise<string>;
  /** Where parts go, each signed for its own content. Asks nobody. */
  signParts(upload: UploadRef, parts: readonly WantedPart[]): Promise<SignedPart[]>;
  /**
   * Puts the parts together. The same again, after an answer that was lost, finds the object.
   * @throws ProductError TransferFailed where the parts are not what was sent, or make another size.
   */
  complete(upload: UploadRef, parts: readonly SentPart[]): Promise<ObjectRef>;
  /** Ends an upload and what has come of it; one that is over already is success. */
  abort(upload: UploadRef): Promise<void>;
  /** A URL that the object can be fetched from, by ranges. Asks nobody. */
  signGet(object: ObjectRef): Promise<SignedUrl>;
  /** Removes the object for good; one that is gone already is success. */
  remove(object: ObjectRef): Promise<void>;
}
