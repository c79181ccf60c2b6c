import type { Snapshot, Snapshots, Tags } from './block-storage.ts';

/** Snapshots in each Region that the deployment has a key in. */
export interface SnapshotRegions {
  in(region: string): RegionSnapshots;
}

/** Snapshots in one Region, copies of another Region's among them. */
export interface RegionSnapshots extends Pick<Snapshots, 'findSnapshots' | 'deleteSnapshot'> {
  /**
   * Begins to copy another Region's snapshot into this one, under this one's key. Not safe to repeat blindly: look for it first.
   * @throws ProductError InvalidInput for a Region without a key; Throttled while AWS makes 20 copies into this Region already
   */
  copySnapshot(wanted: NewSnapshotCopy): Promise<Snapshot>;
}

export interface NewSnapshotCopy {
  readonly from: { readonly region: string; readonly snapshotId: string };
  readonly description: string;
  /** Must hold the backup's tag: it is what is looked for. */
  readonly tags: Tags;
}
