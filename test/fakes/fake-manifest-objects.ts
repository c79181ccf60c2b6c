import type { ManifestObjects, StoredManifest } from '#shared/aws/archive/manifest-objects.ts';
import type { ProductError } from '#shared/model/errors.ts';
import { Killed } from './killed.ts';

/** The manifests in the bucket; a page holds two of them. */
export class FakeManifestObjects implements ManifestObjects {
  /** When each was written, by backup. */
  readonly objects = new Map<string, Date>();
  /** Thrown by the next call that changes something. */
  fault: ProductError | undefined;
  /** Whether the next copy kills its caller, and on which side. */
  crash: () => 'crash-before' | 'crash-after' | undefined = () => undefined;

  remove(backupId: string): Promise<void> {
    const { fault } = this;
    this.fault = undefined;
    if (fault !== undefined) return Promise.reject(fault);
    this.objects.delete(backupId);
    return Promise.resolve();
  }

  async copy(from: string, to: string): Promise<boolean> {
    const { fault } = this;
    this.fault = undefined;
    if (fault !== undefined) throw fault;
    const side = this.crash();
    if (side === 'crash-before') throw new Killed('before a copy of a manifest');
    const at = this.objects.get(from);
    if (at !== undefined) this.objects.set(to, at);
    if (side === 'crash-after') throw new Killed('after a copy of a manifest');
    return await Promise.resolve(at !== undefined);
  }

  async *list(): AsyncGenerator<StoredManifest[]> {
    const all = [...this.objects].map(([backupId, writtenAt]) => ({ backupId, writtenAt }));
    for (let at = 0; at < all.length; at += 2) yield await Promise.resolve(all.slice(at, at + 2));
  }
}
