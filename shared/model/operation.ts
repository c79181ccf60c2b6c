import * as z from 'zod';
import { BackupId, HostId, Namespace, OperationId, VolumeId, VolumeName } from './names.ts';

export const operationKinds = [
  'create',
  'attach',
  'detach',
  'delete',
  'purge',
  'restore',
  'backup',
  'deleteBackup',
  'copyBackup',
  'export',
  'import',
  'drill',
  'browse',
  'extract',
  'restoreFiles',
] as const;
export const OperationKind = z.enum(operationKinds).meta({ id: 'OperationKind' });
export type OperationKind = z.infer<typeof OperationKind>;

export const operationStatuses = ['pending', 'running', 'succeeded', 'failed'] as const;
export const OperationStatus = z.enum(operationStatuses).meta({ id: 'OperationStatus' });
export type OperationStatus = z.infer<typeof OperationStatus>;

/** A long piece of work, as the API shows it. */
export const Operation = z
  .strictObject({
    id: OperationId,
    kind: OperationKind,
    namespace: Namespace,
    volumeId: VolumeId,
    volume: VolumeName,
    host: HostId.optional(),
    /** The backup that it makes, removes, restores, drills or reads; of a copy the new one. */
    backup: BackupId.optional(),
    guard: BackupId.optional().meta({
      description: 'Of a restore in place: the backup that keeps what it replaces, once it is made',
    }),
    kept: VolumeId.optional().meta({
      description: 'Of a restore in place of a network volume: the deleted volume that has what it held',
    }),
    status: OperationStatus,
    /** 0 to 100; grows only. */
    progress: z.int().min(0).max(100),
    /** What is being done now, for people. */
    message: z.string(),
    error: z.strictObject({ code: z.string(), detail: z.string(), hint: z.string().optional() }).optional(),
    caller: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Operation' });
export type Operation = z.infer<typeof Operation>;

export function isFinished(status: OperationStatus): boolean {
  return status === 'succeeded' || status === 'failed';
}

/** Which worker serves an operation: one for each kind of storage, and one for backups. */
export const WorkerName = z.enum(['ebs', 'efs', 'backup']);
export type WorkerName = z.infer<typeof WorkerName>;

/** Input and answer of the worker functions: the state machine loops until `outcome` is not `wait` or `continue`. */
export const WorkerInput = z.object({ operationId: OperationId, driver: WorkerName });
export type WorkerInput = z.infer<typeof WorkerInput>;

export const WorkerOutput = z.object({
  operationId: OperationId,
  driver: WorkerName,
  outcome: z.enum(['continue', 'wait', 'done', 'failed']),
  /** Seconds for the Wait state; 0 unless outcome is `wait`. */
  waitSeconds: z.int().min(0).max(60),
});
export type WorkerOutput = z.infer<typeof WorkerOutput>;
