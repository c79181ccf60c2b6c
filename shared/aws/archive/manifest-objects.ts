/** A manifest in the archive bucket: all versions of one object. */
export interface StoredManifest {
  readonly backupId: string;
  /** When its last version was written. */
  readonly writtenAt: Date;
}

/** The manifests of backups in the archive bucket. */
export interface ManifestObjects {
  /** Removes a backup's manifest for good; one that is gone already is success. */
  remove(backupId: string): Promise<void>;
  /**
   * Makes a copy of one backup's manifest another's; again is success. False: there is nothing to copy any more.
   * @throws ProductError when S3 refuses, or does not answer: it may have happened.
   */
  copy(from: string, to: string): Promise<boolean>;
  /** All that there are, some at a time. */
  list(): AsyncIterable<readonly StoredManifest[]>;
}
