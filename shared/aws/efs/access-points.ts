import type { Owner } from '#shared/model/volume.ts';

/** Access points on the one shared file system. */
export interface AccessPoints {
  /**
   * Makes an access point, or gives the one that an earlier call with the same token made.
   * @throws ProductError LimitExceeded, StorageFailed, AccessDenied when AWS refuses; Throttled or Unavailable when it may have happened.
   */
  create(wanted: NewAccessPoint): Promise<AccessPoint>;
  /** Undefined when there is none (yet, or any more). */
  find(id: string): Promise<AccessPoint | undefined>;
  /** Deletes an access point, never files; one that is gone is success. */
  delete(id: string): Promise<void>;
}

export interface NewAccessPoint {
  /** Idempotency: at most 64 characters. Source: EFS CreateAccessPoint, ClientToken. */
  readonly clientToken: string;
  /** Directory that it shows as its root. */
  readonly path: string;
  /** With it the directory is made when a client first mounts it; without it one that is missing cannot be mounted. */
  readonly owner?: Owner;
  /** Forces every file operation to this user; undefined: files keep the users that write them. */
  readonly posixUser?: { readonly uid: number; readonly gid: number };
  readonly tags: Readonly<Record<string, string>>;
}

export interface AccessPoint {
  readonly id: string;
  readonly fileSystemId: string;
  readonly path: string;
  readonly state: 'creating' | 'available' | 'updating' | 'deleting' | 'deleted' | 'error';
}
