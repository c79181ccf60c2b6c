import type { BackupStorage } from '#shared/model/backup.ts';
import type { TaskItem } from '#shared/model/items.ts';
import type { DrillFinding } from '#shared/model/rules-drill.ts';
import type { RepositoryRef } from '#shared/model/repository.ts';
import type { WaitedHost } from '../waited-host.ts';
import type { Failure } from '../planner.ts';

/**
 * Files in a restic repository, one for each volume. A host does the work; the operation waits for its word.
 *
 * - Who writes to a repository has the volume's claim on backups (`backing`): a backup, or a removal, one at a time.
 * - Each snapshot is tagged with its backup: a host that begins again finds what it had made.
 * - With the last backup the worker itself empties the repository and removes its password: no host is needed.
 */
export interface ArchiveFacts {
  /** The host that works on it. */
  readonly host: WaitedHost['host'];
  /** Hosts that may remove the backup's snapshot, or restore it for a drill; the one heard of last first. */
  readonly candidates: readonly string[];
  /** The repository holds other backups than this one. */
  readonly siblings: boolean;
}

export interface ArchiveSteps {
  /** The snapshot is there: it can be restored. */
  finishArchive: { readonly storage: BackupStorage; readonly cutAt: string };
  /** From here on nobody else writes to the repository. */
  claimRepository: Record<never, never>;
  /** Asks a host to remove the backup's snapshot. */
  askForget: { readonly task: TaskItem };
  /** S3 ListObjectsV2 and DeleteObjects, until nothing is there. */
  emptyRepository: { readonly prefix: string };
  /** Secrets Manager DeleteSecret. */
  removePassword: { readonly repository: RepositoryRef };
  /** Asks a host to restore the files. */
  askFill: { readonly task: TaskItem };
  /** The files are there: the volume is like any other. */
  finishFill: Record<never, never>;
  /** It stays as it is: nobody may have it, and it can be deleted. */
  failFill: { readonly failure: Failure };
}

export interface ArchiveDrillSteps {
  /** Asks a host to restore the files to a directory of its own, and to look into them. */
  askVerify: { readonly task: TaskItem };
  /** Writes down what was found. Ends a drill. */
  endDrill: { readonly finding: DrillFinding };
}
