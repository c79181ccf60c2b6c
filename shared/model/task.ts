import * as z from 'zod';
import { ArchiveMetadata } from './archive.ts';
import { TransferReport } from './archive-transfer.ts';
import { Consistency } from './backup.ts';
import { OperationId, VolumeId, VolumeName } from './names.ts';

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
export const CutTask = AnyTask.extend({ kind: z.literal('cut'), consistency: Consistency });
export type CutTask = z.infer<typeof CutTask>;

/** Pack the volume's files and send them to the archive bucket. A host that has not the volume claims it first. */
export const ExportTask = AnyTask.extend({
  kind: z.literal('export'),
  name: VolumeName,
  metadata: ArchiveMetadata,
});
export type ExportTask = z.infer<typeof ExportTask>;

/** Fetch an archive from the archive bucket and unpack it into the empty volume. */
export const ImportTask = AnyTask.extend({ kind: z.literal('import'), name: VolumeName });
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

/** What a host is asked to do for an operation, beside what its assignments say. */
export const HostTask = z
  .discriminatedUnion('kind', [CutTask, LocateTask, ExportTask, ImportTask])
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
    error: z.strictObject({ code: z.string().max(64), detail: z.string().max(2048) }).optional(),
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
