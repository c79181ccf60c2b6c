import type { RepositoryCredentials, RepositoryRef } from '#shared/model/repository.ts';

/**
 * What a grant is good for: `read` a restore; `write` a backup, which cannot remove anything but locks; `remove` forget and
 * prune, for a shorter time.
 */
export type RepositoryUse = 'read' | 'write' | 'remove';

export interface GrantWish {
  readonly repository: RepositoryRef;
  readonly use: RepositoryUse;
  /** Who gets it: names the session in AWS's own records. */
  readonly hostId: string;
}

/** Where a repository is, with keys for it and for nothing else. */
export interface RepositoryAccess {
  readonly url: string;
  readonly region: string;
  readonly credentials: RepositoryCredentials;
}

/** Grants and passwords of restic repositories. Every call rejects with a ProductError. */
export interface Repositories {
  /** @throws InvalidInput when the secret of another bucket is not there or holds no keys */
  grant(wish: GrantWish): Promise<RepositoryAccess>;
  /** A repository's password; made when there is none. */
  password(repository: RepositoryRef): Promise<string>;
  /** A new one, for a repository that is to be made: keys that an unfinished try left open nothing then. */
  renewPassword(repository: RepositoryRef): Promise<string>;
}
