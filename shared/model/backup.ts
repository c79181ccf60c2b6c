import * as z from 'zod';
import { BackupHooks, Consistency, HookRun, VolumeBackups } from './consistency.ts';
import { Drill, ManifestRef } from './drill.ts';
import { Labels } from './labels.ts';
import {
  AvailabilityZone,
  BackupId,
  HostId,
  Namespace,
  OperationId,
  PolicyId,
  Region,
  VolumeId,
  VolumeName,
} from './names.ts';
import { FilesReport, OtherBucket, RepositoryRef } from './repository.ts';
import { Driver, FilesystemRecord, FilesystemType, Options, Owner, VolumeType } from './volume.ts';

/** How a backup is made: an EBS snapshot, a recovery point of AWS Backup, files in S3. */
export const backupKinds = ['snapshot', 'recovery-point', 'archive'] as const;
export const BackupKind = z.enum(backupKinds).meta({ id: 'BackupKind' });
export type BackupKind = z.infer<typeof BackupKind>;

/**
 * `creating` being made; `available` complete, can be restored; `failed` could not be made, the reason says why;
 * `deleting` being removed in AWS. A removed backup has no record.
 */
export const backupStates = ['creating', 'available', 'failed', 'deleting'] as const;
export const BackupState = z.enum(backupStates).meta({ id: 'BackupState' });
export type BackupState = z.infer<typeof BackupState>;

/** `manual` somebody asked; `policy` a schedule; `final` made at delete; `guard` what a restore in place replaced; `copy` of another backup, in another Region. */
export const backupOrigins = ['manual', 'policy', 'final', 'guard', 'copy'] as const;
export const BackupOrigin = z.enum(backupOrigins).meta({ id: 'BackupOrigin' });
export type BackupOrigin = z.infer<typeof BackupOrigin>;

/** How a backup is asked for: by the driver's own means, or as files with restic. */
export const engines = ['native', 'restic'] as const;
export const Engine = z.enum(engines).meta({ id: 'Engine' });
export type Engine = z.infer<typeof Engine>;

/** Where the bytes are. */
export const BackupStorage = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('snapshot'),
    snapshotId: z.string(),
    /** Size of the volume, which a restore needs at least. */
    sizeGiB: z.int().positive(),
  }),
  z.strictObject({
    kind: z.literal('recovery-point'),
    /** Of the whole file system: other backups may have the same one. */
    recoveryPointArn: z.string(),
    fileSystemId: z.string(),
    /** The volume's directory in it. */
    path: z.string(),
    /** Of a copy: the vault that it is in, by name. */
    vault: z.string().optional(),
  }),
  z.strictObject({
    kind: z.literal('archive'),
    repository: RepositoryRef,
    /** The volume's directory in the snapshot. */
    path: z.string(),
    /** Absent until the snapshot is known to be there: state first. */
    snapshot: FilesReport.optional(),
  }),
]);
export type BackupStorage = z.infer<typeof BackupStorage>;

/** The snapshot that it is, if it is one. */
export function snapshotOfStorage(storage: BackupStorage | undefined): string | undefined {
  return storage?.kind === 'snapshot' ? storage.snapshotId : undefined;
}

/** The volume as it was when the backup was made: enough to make it again. */
export const BackupSource = z
  .strictObject({
    type: VolumeType,
    driver: Driver,
    sizeBytes: z.int().positive().optional(),
    labels: Labels,
    options: z.record(z.string(), z.string()),
    description: z.string(),
    filesystem: FilesystemType.optional(),
    /** What is on the device; a restored volume has the same filesystem, with the same UUID. */
    format: FilesystemRecord,
    owner: Owner,
    readOnly: z.boolean(),
    encrypted: z.boolean(),
    /** How its backups are cut. */
    backups: VolumeBackups.optional(),
    availabilityZone: AvailabilityZone.optional(),
  })
  .meta({ id: 'BackupSource' });
export type BackupSource = z.infer<typeof BackupSource>;

/** A backup as the API shows it. */
export const Backup = z
  .strictObject({
    id: BackupId,
    namespace: Namespace,
    volumeId: VolumeId,
    volume: VolumeName,
    kind: BackupKind,
    state: BackupState,
    reason: z.string().optional().meta({ description: 'Why it failed, for people' }),
    origin: BackupOrigin,
    policy: PolicyId.optional().meta({ description: 'The policy that made it, and that may remove it' }),
    description: z.string(),
    region: z
      .string()
      .meta({ description: "Where it is kept; only those of the deployment's own Region can be restored" }),
    copyOf: BackupId.optional().meta({
      description: 'Of a copy: the backup that it was made from, which may be gone',
    }),
    storage: BackupStorage.optional(),
    source: BackupSource,
    consistency: Consistency.meta({ description: 'What was done for the cut' }),
    /** False for what is read while the volume is written to. */
    pointInTime: z.boolean(),
    /** Milliseconds for which the filesystem was frozen, as the host measured it. */
    frozenMs: z.number().min(0).optional(),
    hookRuns: z
      .array(HookRun)
      .max(2)
      .optional()
      .meta({ description: 'How the commands in the container ended' }),
    cutAt: z.iso.datetime().optional().meta({ description: 'The moment that it holds' }),
    held: z.boolean().meta({ description: 'Under a hold: nothing removes it' }),
    holdReason: z.string().optional(),
    operation: OperationId.optional().meta({ description: 'The operation under way' }),
    manifest: ManifestRef.optional().meta({ description: 'What the volume held, for drills' }),
    drill: Drill.optional().meta({ description: 'How its last drill ended' }),
    verified: z
      .strictObject({ at: z.iso.datetime(), restoreSeconds: z.number().min(0) })
      .optional()
      .meta({ description: 'When a drill of it last passed, and how long the restore took' }),
    createdAt: z.iso.datetime(),
    createdBy: z.string(),
    completedAt: z.iso.datetime().optional(),
    updatedAt: z.iso.datetime(),
    revision: z.int().positive(),
  })
  .meta({ id: 'Backup' });
export type Backup = z.infer<typeof Backup>;

const Description = z.string().max(1024);

export const CreateBackup = z
  .strictObject({
    /** Default: `freeze` for an EBS volume that is mounted. */
    consistency: Consistency.optional(),
    /** Implies consistency `hooks`. */
    hooks: BackupHooks.optional(),
    /** Default: `native`; `restic` where the driver has no native one. */
    engine: Engine.optional(),
    host: HostId.optional().meta({
      description: 'With restic: which host shall read the files; needed for a directory that several could',
    }),
    repository: OtherBucket.optional().meta({
      description: 'With restic: a bucket of your own. Default: the archive bucket',
    }),
    description: Description.default(''),
  })
  .meta({ id: 'CreateBackup' });
export type CreateBackup = z.infer<typeof CreateBackup>;

export const HoldBackup = z.strictObject({ reason: Description.default('') }).meta({ id: 'HoldBackup' });

/** To another Region, under that one's key. */
export const CopyBackup = z
  .strictObject({ region: Region, description: Description.default('') })
  .meta({ id: 'CopyBackup' });
export type CopyBackup = z.infer<typeof CopyBackup>;

/** To a new volume: named as the old one where that is gone, else by `name`. Or in place of what a volume has. */
export const RestoreBackup = z
  .strictObject({
    name: VolumeName.optional(),
    availabilityZone: AvailabilityZone.optional(),
    inPlace: z.boolean().optional().meta({
      description:
        'A volume of that name may exist: its content is kept as a backup (`guard` of the operation) and replaced',
    }),
    force: z.boolean().optional().meta({
      description:
        'Only with `inPlace`, of a volume that is in use: waits until it is handed back, instead of refusing',
    }),
    host: HostId.optional().meta({
      description:
        'Of an archive: which host shall write the files; needed for a directory that several have or could have',
    }),
    options: Options.default({}).meta({
      description:
        'Of an archive, to a new volume: options of the driver in place of those on the backup, such as another path',
    }),
  })
  .meta({ id: 'RestoreBackup' });
export type RestoreBackup = z.infer<typeof RestoreBackup>;
