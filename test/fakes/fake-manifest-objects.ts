import type { ManifestObjects, StoredManifest } from '#shared/aws/archive/manifest-objects.ts';
import type { ProductError } from '#shared/model/errors.ts';

/** The manifests in the bucket; a page holds two of them. */
export class FakeManifestObjects implements ManifestObjects {
  /** When each was written, by backup. */
  readonly objects = new Map<string, Date>();
  /** Thrown by the next removal. */
  fault: ProductError | undefined;

  remove(backupId: string): Promise<void> {
    const { fault } = this;
    this.fault = undefined;
    if (fault !== undefined) return Promise.reject(fault);
    this.objects.delete(backupId);
    return Promise.resolve();
  }

  async *list(): AsyncGenerator<StoredManifest[]> {
    const all = [...this.objects].map(([backupId, writtenAt]) => ({ backupId, writtenAt }));
    for (let at = 0; at < all.length; at += 2) yield await Promise.resolve(all.slice(at, at + 2));
  }
}
