import * as z from 'zod';
import { ArchiveMetadata } from './archive.ts';
import { TransferReport } from './archive-transfer.ts';
import { BackupHooks, Consistency, HookRun } from './consistency.ts';
import { DrillCheck, ManifestRef } from './drill.ts';
import { ReadForm } from './extract.ts';
import { BackupId, OperationId, VolumeId, VolumeName } from './names.ts';
import { FilesReport, RepositoryRef } from './repository.ts';
import { VerifyReport } from './verify.ts';
import { FilesystemType } from './volume.ts';

const AnyTask = z.strictObject({
  /** The operation that it belongs to; also the task's id. */
  operationId: OperationId,
  volumeId: VolumeId,
  epoch: z.int().min(0),
  /** After it the host does not begin any more. */
  deadline: z.iso.datetime(),
  /** The cut was called for before: an agent that does not remember it reports it as failed. */
  begun: z.boolean().default(false),
});

/** Freeze the volume's filesystem, call for its snapshot, thaw. */
export const CutTask = AnyTask.extend({
  kind: z.literal('cut'),
  consistency: Consistency,
  /** Commands in a container before the freeze and after the thaw. */
  hooks: BackupHooks.optional(),
});
export type CutTask = z.infer<typeof CutTask>;

/** Pack the volume's files and send them to the archive bucket. A host that has not the volume claims it first. */
export const ExportTask = AnyTask.extend({
  kind: z.literal('export'),
  name: VolumeName,
  metadata: ArchiveMetadata,
});
export type ExportTask = z.infer<typeof ExportTask>;

/** Fetch an archive from the archive bucket and unpack it into the empty volume, or in place of what is in it. */
export const ImportTask = AnyTask.extend({
  kind: z.literal('import'),
  name: VolumeName,
  /** What the volume holds goes, once the archive is beside it as a whole. */
  replace: z.boolean().optional(),
});
export type ImportTask = z.infer<typeof ImportTask>;

/** What `locate` needs beside it. */
const locateFields = {
  fileSystemId: z.string(),
  /** Temporary access point at the file system's root. */
  accessPointId: z.string(),
  /** Directory that was restored. */
  path: z.string(),
  /** Only directories that AWS named at this time or later: as in their names, to the second. */
  since: z.string(),
};

/** Look below which directories at the root of a file system a restore has put a path. Reads names alone. */
export const LocateTask = AnyTask.extend({ kind: z.literal('locate'), ...locateFields });
export type LocateTask = z.infer<typeof LocateTask>;

/** Look into a restored copy, which is attached to the host and is nobody's volume. */
export const VerifyTask = AnyTask.extend({
  kind: z.literal('verify'),
  backupId: BackupId,
  /** EBS volume id: the device's serial. */
  serial: z.string().max(64),
  filesystem: z.strictObject({ type: FilesystemType, uuid: z.uuid() }),
  /** What it must hold; without one there is nothing to compare with. */
  manifest: ManifestRef.optional(),
  check: DrillCheck.optional(),
  /** How long the comparison may take. */
  patienceSeconds: z.int().positive(),
});
export type VerifyTask = z.infer<typeof VerifyTask>;

/** Read names, a file or a directory of a restored copy, which is attached to the host and is nobody's volume, and send them. */
export const ExtractTask = AnyTask.extend({
  kind: z.literal('extract'),
  backupId: BackupId,
  /** EBS volume id: the device's serial. */
  serial: z.string().max(64),
  filesystem: z.strictObject({ type: FilesystemType, uuid: z.uuid() }),
  /** Below the data directory; as `parseBackupPath` takes it. */
  path: z.string().max(8192),
  form: ReadForm,
  /** For the archive of a directory. */
  metadata: ArchiveMetadata,
});
export type ExtractTask = z.infer<typeof ExtractTask>;

/** What tasks on a restic repository need. */
const repositoryFields = {
  backupId: BackupId,
  repository: RepositoryRef,
};

/** Back a volume's files up to its repository. A host that has not the volume claims it first. */
export const ArchiveTask = AnyTask.extend({
  kind: z.literal('archive'),
  name: VolumeName,
  path: z.string(),
  /** Before files are replaced: what a replacement that was broken off has left is settled first; an empty volume needs no archive. */
  settle: z.boolean().optional(),
  ...repositoryFields,
});
export type ArchiveTask = z.infer<typeof ArchiveTask>;

/** Restore a snapshot into an empty volume, or in place of what is in it. */
export const FillTask = AnyTask.extend({
  kind: z.literal('fill'),
  name: VolumeName,
  path: z.string(),
  snapshotId: z.string(),
  /** How many are in it. */
  files: z.int().min(0),
  /** What the volume holds goes, once the snapshot is beside it as a whole. */
  replace: z.boolean().optional(),
  ...repositoryFields,
});
export type FillTask = z.infer<typeof FillTask>;

/** Remove a backup's snapshot, and what nothing needs after it. It touches no volume. */
export const ForgetTask = AnyTask.extend({
  kind: z.literal('forget'),
  snapshotId: z.string().optional(),
  ...repositoryFields,
});
export type ForgetTask = z.infer<typeof ForgetTask>;

/** Restore a snapshot to a directory of the host's own, look into it, and remove it. It touches no volume. */
export const VerifyArchiveTask = AnyTask.extend({
  kind: z.literal('verify-archive'),
  path: z.string(),
  snapshotId: z.string(),
  /** How many are in it, and what they hold: so much room it takes. */
  files: z.int().min(0),
  sizeBytes: z.int().min(0),
  ...repositoryFields,
  /** What it must hold; without one there is nothing to compare with. */
  manifest: ManifestRef.optional(),
  check: DrillCheck.optional(),
  /** How long restore and comparison may take. */
  patienceSeconds: z.int().positive(),
});
export type VerifyArchiveTask = z.infer<typeof VerifyArchiveTask>;

/** Read names, a file or a directory of a snapshot, and send them. It touches no volume. */
export const ReadArchiveTask = AnyTask.extend({
  kind: z.literal('read-archive'),
  /** Where the volume's files stand in the snapshot. */
  path: z.string(),
  snapshotId: z.string(),
  /** What is read, below that; as `parseBackupPath` takes it. */
  wanted: z.string().max(8192),
  form: ReadForm,
  /** For the archive of a directory. */
  metadata: ArchiveMetadata,
  ...repositoryFields,
});
export type ReadArchiveTask = z.infer<typeof ReadArchiveTask>;

/** Tasks on a repository, for which their host gets a grant. */
export type RepositoryTask = ArchiveTask | FillTask | ForgetTask | VerifyArchiveTask | ReadArchiveTask;
/** A directory of a file system, as a host mounts it. */
const AccessRoot = z.strictObject({ fileSystemId: z.string(), accessPointId: z.string() });

/** Look into a restored directory of a network volume, and compare it with the volume itself where there is one. */
export const VerifyFilesTask = AnyTask.extend({
  kind: z.literal('verify-files'),
  backupId: BackupId,
  copy: AccessRoot,
  /** The volume that the backup is of, as it is now; gone where the volume is. */
  live: AccessRoot.optional(),
  /** What the volume has not changed since then must be in the copy just so. */
  settledBefore: z.iso.datetime(),
  check: DrillCheck.optional(),
  /** How long the comparison may take. */
  patienceSeconds: z.int().positive(),
});
export type VerifyFilesTask = z.infer<typeof VerifyFilesTask>;

/** Read names, a file or a directory of a restored directory of a network volume, and send them. */
export const ExtractFilesTask = AnyTask.extend({
  kind: z.literal('extract-files'),
  backupId: BackupId,
  copy: AccessRoot,
  /** Below the copy's root; as `parseBackupPath` takes it. */
  path: z.string().max(8192),
  form: ReadForm,
  /** For the archive of a directory. */
  metadata: ArchiveMetadata,
});
export type ExtractFilesTask = z.infer<typeof ExtractFilesTask>;

/** What a host is asked to do for an operation, beside what its assignments say. */
export const HostTask = z
  .discriminatedUnion('kind', [
    CutTask,
    LocateTask,
    ExportTask,
    ImportTask,
    VerifyTask,
    ExtractTask,
    ArchiveTask,
    FillTask,
    ForgetTask,
    ReadArchiveTask,
    VerifyFilesTask,
    ExtractFilesTask,
    VerifyArchiveTask,
  ])
  .meta({ id: 'HostTask' });
export type HostTask = z.infer<typeof HostTask>;

/** How a task ended. */
export const TaskResult = z
  .strictObject({
    outcome: z.enum(['done', 'failed']),
    /** Milliseconds for which the filesystem was frozen. */
    frozenMs: z.number().min(0).optional(),
    /** Names of the directories, of a `locate`. */
    found: z.array(z.string().max(255)).max(100).optional(),
    transfer: TransferReport.optional(),
    /** Of a cut. */
    hookRuns: z.array(HookRun).max(2).optional(),
    verify: VerifyReport.optional(),
    /** Of an `archive`. */
    snapshot: FilesReport.optional(),
    /** Of an `archive` that was asked for because its files are replaced: there are none, and nothing was made. */
    empty: z.boolean().optional(),
    /** Of a `fill` or `import` that failed: the volume holds what it held before. */
    asBefore: z.boolean().optional(),
    error: z
      .strictObject({
        code: z.string().max(64),
        detail: z.string().max(2048),
        hint: z.string().max(2048).optional(),
      })
      .optional(),
  })
  .meta({ id: 'TaskResult' });
export type TaskResult = z.infer<typeof TaskResult>;

const BootId = z.uuid();
/** The filesystem is frozen now: make the snapshot before answering. */
export const CutRequest = z
  .strictObject({ bootId: BootId, epoch: z.int().min(0) })
  .meta({ id: 'CutRequest' });
export const CutAnswer = z.strictObject({ snapshotId: z.string() }).meta({ id: 'CutAnswer' });
export type CutAnswer = z.infer<typeof CutAnswer>;
export const TaskReport = z.strictObject({ bootId: BootId, result: TaskResult }).meta({ id: 'TaskReport' });

/** `write` where the manifest goes, `written` it is there, `read` where it is. */
export const ManifestRequest = z
  .discriminatedUnion('want', [
    z.strictObject({ bootId: BootId, want: z.literal('write'), manifest: ManifestRef }),
    z.strictObject({ bootId: BootId, want: z.literal('written'), manifest: ManifestRef }),
    z.strictObject({ bootId: BootId, want: z.literal('read') }),
  ])
  .meta({ id: 'ManifestRequest' });
export type ManifestRequest = z.infer<typeof ManifestRequest>;

/** One request to the archive bucket, good for some minutes. The headers were signed: they go with it as they are. */
export const ManifestAnswer = z
  .strictObject({ url: z.string().optional(), headers: z.record(z.string(), z.string()) })
  .meta({ id: 'ManifestAnswer' });
export type ManifestAnswer = z.infer<typeof ManifestAnswer>;

/** `begin`: there is no repository yet, and the host is about to make one; what a try before it left does not count. */
export const GrantRequest = z
  .strictObject({ bootId: BootId, begin: z.boolean().default(false) })
  .meta({ id: 'GrantRequest' });
