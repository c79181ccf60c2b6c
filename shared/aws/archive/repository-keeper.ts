import type { RepositoryRef } from '#shared/model/repository.ts';

/** What is left of a repository in the product's bucket when no backup needs it any more. */
export interface RepositoryKeeper {
  /**
   * Removes some of a repository's objects.
   * @returns whether more of them are there
   * @throws ProductError StorageFailed, Throttled, Unavailable
   */
  empty(prefix: string): Promise<boolean>;
  /** Removes its password: whatever a copy of its objects holds cannot be read any more. Gone already is success. */
  removePassword(repository: RepositoryRef): Promise<void>;
}
