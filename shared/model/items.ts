import * as z from 'zod';
import { Host, ObservedAttachment } from './host.ts';
import { Backup } from './backup.ts';
import { BackupHooks } from './consistency.ts';
import { DrillCheck, DrillOutcome } from './drill.ts';
import { ReadForm } from './extract.ts';
import {
  ArchiveTask,
  CutTask,
  ExportTask,
  ExtractFilesTask,
  ExtractTask,
  FillTask,
  ForgetTask,
  ImportTask,
  LocateTask,
  ReadArchiveTask,
  TaskResult,
  VerifyArchiveTask,
  VerifyFilesTask,
  VerifyTask,
} from './task.ts';
import { BackupId, HostId, Namespace, OperationId, VolumeId, VolumeName } from './names.ts';
import { Operation, WorkerName } from './operation.ts';
import { FilesystemRecord, StorageRef, Volume } from './volume.ts';

/**
 * What the table stores. docs/architecture.md has the keys and every access pattern; keys are made in shared/aws only.
 * A volume is several items under one partition, so that reports and leases never raise the revision behind the ETag.
 */

/** What a restore to a file system has come to. */
const RestoredPoint = z.strictObject({
  arn: z.string(),
  fileSystemId: z.string(),
  /** Directory in the recovery point. */
  path: z.string(),
  /** The volume that it was the directory of. */
  sourceId: VolumeId,
  /** AWS Backup's restore job. */
  jobId: z.string().optional(),
  /** Temporary access point at the file system's root, for the host that looks where AWS has put it. */
  lookPoint: z.string().optional(),
  /** Where it is now. */
  directory: z.string().optional(),
});

/** The backup that a volume's storage is made from: its snapshot or its recovery point. */
const MadeFrom = z.strictObject({
  backupId: BackupId,
  snapshotId: z.string().optional(),
  recoveryPoint: RestoredPoint.optional(),
});
export type MadeFrom = z.infer<typeof MadeFrom>;

/** What a restore in place makes from a backup, and then puts in the place of what the volume has. */
const Incoming = z.strictObject({
  madeFrom: MadeFrom,
  sizeBytes: z.int().positive().optional(),
  encrypted: z.boolean(),
  /** What is on it. */
  format: FilesystemRecord,
  storage: StorageRef.optional(),
  createdInAwsAt: z.iso.datetime().optional(),
});
export type Incoming = z.infer<typeof Incoming>;

/** Desired state. */
export const VolumeItem = Volume.omit({
  size: true,
  attachments: true,
  provisionedGiB: true,
  format: true,
  blank: true,
  lastBackup: true,
  lastVerified: true,
}).extend({
  /** Number of the EC2 create attempt whose client token is in use; contract 4. */
  attempt: z.int().min(1),
  /** When the current attempt's create answered 200: NotFound for 10 minutes after it means that attempt failed. */
  createdInAwsAt: z.iso.datetime().optional(),
  /** The backup that its storage is made from. */
  madeFrom: MadeFrom.optional(),
  /** Of a restore in place, until its storage is exchanged. */
  incoming: Incoming.optional(),
  /** What a restore in place took away, until it is freed. */
  outgoing: StorageRef.optional(),
  /** Deleted volumes that have what restores in place have replaced, the last ones. */
  replaced: z.array(VolumeId).max(10).optional(),
  /** The operation that restores its files, until it has: nobody but that operation's host may have it. */
  filling: OperationId.optional(),
  /** The snapshot of the delete or restore in place under way; once it is complete it is the final backup's, or the guard's. */
  finalSnapshot: z.string().optional(),
  /** `--purge`: nothing is kept, no final backup either. */
  purge: z.boolean().default(false),
  /** Of a driver that many hosts may use: hosts it was taken from by force while they used it. Their containers may still do. */
  forcedOff: z.array(z.strictObject({ hostId: HostId, at: z.iso.datetime() })).optional(),
});
export type VolumeItem = z.infer<typeof VolumeItem>;

/** Contract 3 and 1: who may write, and what is on the device. One per volume of a single-writer driver. */
export const LeaseItem = z.strictObject({
  volumeId: VolumeId,
  /** Grows only; raised by every claim, hand-over and detach. */
  epoch: z.int().min(0),
  holder: HostId.optional(),
  /** Boot that set inUse. */
  bootId: z.string().optional(),
  inUse: z.boolean(),
  /** Id of the use that began last, by the agent's own choice. */
  use: z.string().optional(),
  filesystem: FilesystemRecord,
  /** Serial (EBS volume id) the format ticket was bound to. */
  ticketSerial: z.string().optional(),
  updatedAt: z.iso.datetime(),
});
export type LeaseItem = z.infer<typeof LeaseItem>;

/** A volume given to a host; lives in the host's partition, with a twin in the volume's. */
export const AttachmentItem = z.strictObject({
  volumeId: VolumeId,
  hostId: HostId,
  namespace: Namespace,
  desired: z.enum(['attached', 'detached']),
  actual: z.enum(['attaching', 'attached']),
  readOnly: z.boolean(),
  epoch: z.int().min(0),
  /** For drivers many hosts may use: this host holds it. Single-writer drivers keep it in the lease. */
  inUse: z.boolean(),
  bootId: z.string().optional(),
  use: z.string().optional(),
  /** EC2 device name claimed for it, such as /dev/sdf. */
  device: z.string().optional(),
  since: z.iso.datetime(),
});
export type AttachmentItem = z.infer<typeof AttachmentItem>;

/** What a host last reported of an attachment. */
export const ObservationItem = ObservedAttachment.extend({
  hostId: HostId,
  bootId: z.string(),
  at: z.iso.datetime(),
});
export type ObservationItem = z.infer<typeof ObservationItem>;

export const HostItem = Host.omit({ volumes: true }).extend({
  /** Of the host's own queue; empty once a terminated host's queue is removed. */
  queueUrl: z.string(),
  /** EC2 device names: index of the last one used, and names that hung and are not used again before the instance stops. */
  lastDevice: z.int().min(-1),
  burnedDevices: z.array(z.string()),
  maxAttachments: z.int().positive(),
  /** When EC2 said that the machine is terminated. */
  terminatedAt: z.iso.datetime().optional(),
});
export type HostItem = z.infer<typeof HostItem>;

/** Contract 8: written before a step's effect; nobody else calls AWS for that volume before deadline + 5 s. */
export const StepItem = z.strictObject({
  volumeId: VolumeId,
  operationId: OperationId,
  step: z.string(),
  /** Random, per invocation: only its owner confirms. */
  token: z.string(),
  deadline: z.iso.datetime(),
});
export type StepItem = z.infer<typeof StepItem>;

export const OperationItem = Operation.extend({
  driver: WorkerName,
  /** The epoch this operation raised the lease to. */
  epoch: z.int().min(0).optional(),
  /** Host to take it from, at a hand-over. */
  fromHost: HostId.optional(),
  /** A person said so: DetachVolume with Force. */
  forceDetach: z.boolean().default(false),
  /** When EC2 was first asked to take it from `host`: its patience with that host counts from here. */
  leavingSince: z.iso.datetime().optional(),
  /** Delete waits for the hand-back until then. */
  waitUntil: z.iso.datetime().optional(),
  /** Hash of the request behind an Idempotency-Key. */
  requestHash: z.string().optional(),
  finishedAt: z.iso.datetime().optional(),
  /** Of a drill. */
  check: DrillCheck.optional(),
  /** Of a browse or an extract. */
  read: z.strictObject({ path: z.string().max(8192), form: ReadForm }).optional(),
  /** Step names done, for the record and the crash-point test. */
  trail: z.array(z.string()).default([]),
});
export type OperationItem = z.infer<typeof OperationItem>;

/** A name in a namespace, claimed in the transaction that makes the volume. */
export const NameItem = z.strictObject({ namespace: Namespace, name: VolumeName, volumeId: VolumeId });
export type NameItem = z.infer<typeof NameItem>;

/** One pair of a volume's labels. */
export const LabelItem = NameItem.extend({ key: z.string(), value: z.string() });
export type LabelItem = z.infer<typeof LabelItem>;

/** A deleted volume in its namespace, until its storage is freed. */
export const TombstoneItem = NameItem.extend({ deletedAt: z.iso.datetime() });
export type TombstoneItem = z.infer<typeof TombstoneItem>;

/** A host in its namespace. */
export const HostIndexItem = z.strictObject({ namespace: Namespace, hostId: HostId });
export type HostIndexItem = z.infer<typeof HostIndexItem>;

/** When a host last synced; apart from the host, so that a sync never raises its revision. */
export const SeenItem = z.strictObject({
  hostId: HostId,
  bootId: z.string(),
  at: z.iso.datetime(),
  /** Volumes that it still has to do with though they are not given to it (any more). */
  strays: z.array(VolumeId).optional(),
});
export type SeenItem = z.infer<typeof SeenItem>;

/** An EC2 device name taken on a host. */
export const DeviceItem = z.strictObject({
  hostId: HostId,
  device: z.string(),
  volumeId: VolumeId,
  at: z.iso.datetime(),
});
export type DeviceItem = z.infer<typeof DeviceItem>;

/** An operation in its namespace, by time. */
export const OperationIndexItem = z.strictObject({
  namespace: Namespace,
  operationId: OperationId,
  createdAt: z.iso.datetime(),
});
export type OperationIndexItem = z.infer<typeof OperationIndexItem>;

/** That a request with an Idempotency-Key was carried out: written with its intent; the answer is rendered from the live record. */
export const ReceiptItem = z.strictObject({
  operationId: OperationId,
  namespace: Namespace,
  caller: z.string(),
  /** Hash of route, parameters and body. */
  requestHash: z.string(),
  /** What the request was about: the volume's or the host's id. */
  subject: z.string(),
  /** Status of the first answer. */
  status: z.int(),
  at: z.iso.datetime(),
});
export type ReceiptItem = z.infer<typeof ReceiptItem>;

/** Contract 5: a host was asked to empty a deleted network volume's directory; lives in the volume's partition, with a twin in the host's until it is done. */
export const PurgeItem = z.strictObject({
  volumeId: VolumeId,
  hostId: HostId,
  fileSystemId: z.string(),
  accessPointId: z.string(),
  done: z.boolean(),
  at: z.iso.datetime(),
});
export type PurgeItem = z.infer<typeof PurgeItem>;

export const BackupItem = Backup.extend({
  /** Who needs it right now: operations that are not finished, and volumes whose storage is still to be made from it. */
  users: z.array(z.union([OperationId, VolumeId])).max(200),
  /** Commands around its cut: told to nobody, since arguments may carry what is not everybody's. */
  hooks: BackupHooks.optional(),
  /** Backups of one file system with the same run share one recovery point: a policy's run, else the operation. */
  run: z.string().max(128).optional(),
});
export type BackupItem = z.infer<typeof BackupItem>;

/** A backup in its namespace, and in its volume's list; ids are ULIDs, so both are in the order of time. */
export const BackupIndexItem = z.strictObject({
  namespace: Namespace,
  volumeId: VolumeId,
  backupId: BackupId,
});
export type BackupIndexItem = z.infer<typeof BackupIndexItem>;

/** The last drill of a volume's backups that ended so: it outlives the backup, which retention may remove. */
export const DrilledItem = z.strictObject({
  volumeId: VolumeId,
  outcome: DrillOutcome,
  backupId: BackupId,
  at: z.iso.datetime(),
  restoreSeconds: z.number().min(0),
});
export type DrilledItem = z.infer<typeof DrilledItem>;

/** That a backup of the volume is being made: one at a time. Lives in the volume's partition. */
export const BackingItem = z.strictObject({
  volumeId: VolumeId,
  backupId: BackupId,
  operationId: OperationId,
  since: z.iso.datetime(),
});
export type BackingItem = z.infer<typeof BackingItem>;

/** A recovery point of a whole file system, shared by the backups of one run. */
export const SharedPointItem = z.strictObject({
  fileSystemId: z.string(),
  run: z.string().max(128),
  state: z.enum(['creating', 'available', 'failed', 'deleting']),
  /** While `creating` the operation that drives the job; while `deleting` the one that removes it. */
  operationId: OperationId,
  jobId: z.string().optional(),
  recoveryPointArn: z.string().optional(),
  /** Of a copy: the name of the vault in the other Region. */
  vault: z.string().optional(),
  /** When AWS began the job. */
  startedAt: z.iso.datetime().optional(),
  /** AWS's words. */
  reason: z.string().optional(),
  createdAt: z.iso.datetime(),
  revision: z.int().positive(),
});
export type SharedPointItem = z.infer<typeof SharedPointItem>;

/** That the point's job is to be made or is under way: one at a time for a file system. */
export const SharedJobItem = SharedPointItem.pick({ fileSystemId: true, run: true, createdAt: true });
export type SharedJobItem = z.infer<typeof SharedJobItem>;

/** A backup that needs the shared point. */
export const SharedUserItem = SharedPointItem.pick({ fileSystemId: true, run: true }).extend({
  backupId: BackupId,
});
export type SharedUserItem = z.infer<typeof SharedUserItem>;

/** That a network volume was mounted once: its directory exists. In the volume's partition. */
export const UsedItem = z.strictObject({ volumeId: VolumeId, at: z.iso.datetime() });
export type UsedItem = z.infer<typeof UsedItem>;

/** That the volume's directory is being restored: one at a time, so that what appears is this restore's. In its partition. */
export const RestoringItem = z.strictObject({
  volumeId: VolumeId,
  operationId: OperationId,
  at: z.iso.datetime(),
});
export type RestoringItem = z.infer<typeof RestoringItem>;

const asked = {
  hostId: HostId,
  at: z.iso.datetime(),
  result: TaskResult.optional(),
};

/** Something that a host is asked to do for an operation; under the operation, with a twin in the host's partition until it is done. */
export const TaskItem = z.discriminatedUnion('kind', [
  CutTask.extend(asked),
  LocateTask.extend(asked),
  ExportTask.extend(asked),
  ImportTask.extend(asked),
  VerifyTask.extend(asked),
  ExtractTask.extend(asked),
  ArchiveTask.extend(asked),
  FillTask.extend(asked),
  ForgetTask.extend(asked),
  ReadArchiveTask.extend(asked),
  VerifyFilesTask.extend(asked),
  ExtractFilesTask.extend(asked),
  VerifyArchiveTask.extend(asked),
]);
export type TaskItem = z.infer<typeof TaskItem>;

/** An archive on its way; under its operation. */
export const TransferItem = z.strictObject({
  id: OperationId,
  kind: z.enum(['export', 'import']),
  namespace: Namespace,
  volumeId: VolumeId,
  volume: VolumeName,
  /** S3's id of the multipart upload under way, or of the last one. */
  uploadId: z.string().optional(),
  /** Of an export: the agent's try that the upload belongs to. */
  attempt: z.string().optional(),
  /** Of an import: as the caller cuts the file. */
  partBytes: z.int().optional(),
  /** Of an import: what the volume holds is replaced. */
  inPlace: z.boolean().optional(),
  /** Of an import as announced; of an export once it is there. */
  sizeBytes: z.int().optional(),
  /** Once all parts are there. */
  sha256: z.string().optional(),
  /** Of the object that the parts became. */
  versionId: z.string().optional(),
  removed: z.boolean().default(false),
  createdAt: z.iso.datetime(),
});
export type TransferItem = z.infer<typeof TransferItem>;

/** That an archive is being unpacked into the volume: one at a time. */
export const ImportingItem = z.strictObject({ volumeId: VolumeId, operationId: OperationId });
export type ImportingItem = z.infer<typeof ImportingItem>;
