import * as z from 'zod';
import { VolumeBackups } from './consistency.ts';
import { ProductError } from './errors.ts';
import { Labels } from './labels.ts';
import { AvailabilityZone, HostId, Namespace, OperationId, VolumeId, VolumeName } from './names.ts';
import { parseSize } from './size.ts';
import { volumeStates, type VolumeState } from './states.ts';

export const volumeTypes = ['local', 'network', 'hostpath', 'ephemeral'] as const;
export const VolumeType = z.enum(volumeTypes).meta({ id: 'VolumeType', description: 'What the user gets' });
export type VolumeType = z.infer<typeof VolumeType>;

export const drivers = ['ebs', 'efs', 'bind', 'tmpfs'] as const;
export const Driver = z.enum(drivers).meta({ id: 'Driver', description: 'How the type is provided' });
export type Driver = z.infer<typeof Driver>;

/** Drivers that the documents name and that are not there yet: refused by name, never taken for something else. */
export const futureDrivers = ['host', 'nfs', 'smb'] as const;

/** The driver of each type; the first is the default. */
export const driversOf = {
  local: ['ebs'],
  network: ['efs'],
  hostpath: ['bind'],
  ephemeral: ['tmpfs'],
} as const satisfies Record<VolumeType, readonly Driver[]>;

/** What a driver can do; every rule that depends on the driver asks here. */
export const driverTraits = {
  ebs: { hosts: 'one', zoned: true, formatted: true, storage: 'ebs', durable: true },
  efs: { hosts: 'many', zoned: false, formatted: false, storage: 'efs', durable: true },
  bind: { hosts: 'many', zoned: false, formatted: false, storage: 'none', durable: true },
  tmpfs: { hosts: 'many', zoned: false, formatted: false, storage: 'none', durable: false },
} as const satisfies Record<Driver, DriverTraits>;

interface DriverTraits {
  /** How many hosts may have it attached at once. */
  readonly hosts: 'one' | 'many';
  /** Bound to an availability zone. */
  readonly zoned: boolean;
  /** Has a filesystem that the agent makes, with a ticket. */
  readonly formatted: boolean;
  /** What the control plane makes in AWS for it. */
  readonly storage: 'ebs' | 'efs' | 'none';
  readonly durable: boolean;
}

export const FilesystemType = z.enum(['ext4', 'xfs']).meta({ id: 'FilesystemType' });
export type FilesystemType = z.infer<typeof FilesystemType>;

/** Owner of the volume's data directory, set when it is first made. */
export const Owner = z
  .strictObject({
    uid: z.int().min(0).max(4294967294),
    gid: z.int().min(0).max(4294967294),
    mode: z.string().regex(/^[0-7]{3,4}$/, { error: 'an octal mode such as "0755"' }),
  })
  .meta({ id: 'Owner' });
export type Owner = z.infer<typeof Owner>;
export const defaultOwner: Owner = { uid: 0, gid: 0, mode: '0755' };

const Description = z.string().max(1024);

/** "10G" or bytes, to bytes. */
const Size = z
  .union([z.string().max(32), z.int().positive()])
  .transform((size, context) => {
    try {
      return parseSize(String(size));
    } catch (error) {
      const details = error instanceof ProductError ? error.details : {};
      context.addIssue({ code: 'custom', message: `not a size; ${details.allowed ?? ''}`, input: size });
      return z.NEVER;
    }
  })
  .meta({ description: 'Size: "10G", "500M", "1Ti" (powers of 1024) or bytes', example: '10G' });

/** Options of the driver, by name. */
export const Options = z
  .record(
    z
      .string()
      .regex(/^[a-z][a-zA-Z0-9_.-]{0,63}$/, { error: 'option name: letters, digits, "_", "." and "-"' }),
    z.string().max(1024),
  )
  .refine((options) => Object.keys(options).length <= 20, { error: 'at most 20 options' });

/** Body of a create. `driver`, size, owner and zone have defaults that depend on the type: rules.ts resolves them. */
export const CreateVolume = z
  .strictObject({
    name: VolumeName,
    type: z.string().max(64).default('local'),
    driver: z.string().max(64).optional(),
    size: Size.optional(),
    labels: Labels.default({}),
    options: Options.default({}),
    description: Description.default(''),
    filesystem: z.string().max(16).optional(),
    owner: Owner.partial().optional(),
    readOnly: z.boolean().default(false),
    /** EBS: true unless said otherwise. */
    encrypted: z.boolean().optional(),
    protected: z.boolean().default(false),
    availabilityZone: AvailabilityZone.optional(),
  })
  .meta({ id: 'CreateVolume' });
export type CreateVolume = z.infer<typeof CreateVolume>;
/** What a caller writes, before defaults. */
export type CreateVolumeInput = z.input<typeof CreateVolume>;

export const UpdateVolume = z
  .strictObject({
    /** Replaces all labels. */
    labels: Labels.optional(),
    description: Description.optional(),
    protected: z.boolean().optional(),
    /** Replaces all of it. */
    backups: VolumeBackups.optional(),
  })
  .refine((update) => Object.keys(update).length > 0, {
    error: 'give at least one of labels, description, protected, backups',
  })
  .meta({ id: 'UpdateVolume' });
export type UpdateVolume = z.infer<typeof UpdateVolume>;

/** What AWS holds for a volume. */
export const StorageRef = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('ebs'),
    volumeId: z.string(),
    provisionedGiB: z.int().positive(),
    volumeType: z.string(),
  }),
  z.strictObject({
    kind: z.literal('efs'),
    fileSystemId: z.string(),
    accessPointId: z.string(),
    path: z.string(),
  }),
]);
export type StorageRef = z.infer<typeof StorageRef>;

/** Contract 1: what the control plane knows of the filesystem. `none` for drivers that are not formatted. */
export const FilesystemRecord = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('none') }),
  z.strictObject({ state: z.literal('blank'), type: FilesystemType }),
  z.strictObject({ state: z.literal('formatting'), type: FilesystemType, uuid: z.uuid() }),
  z.strictObject({
    state: z.literal('formatted'),
    type: FilesystemType,
    uuid: z.uuid(),
    /** Once mounted, a volume never gets a ticket again. */ mounted: z.boolean(),
  }),
]);
export type FilesystemRecord = z.infer<typeof FilesystemRecord>;

export const AttachmentView = z
  .strictObject({
    host: HostId,
    readOnly: z.boolean(),
    /** Something on the host holds the volume, or may. */
    inUse: z.boolean(),
    epoch: z.int().min(0),
    device: z.string().optional(),
    mountpoint: z.string().optional(),
    /** Containers that the host last reported to use it. */
    containers: z.array(z.string()).default([]),
    since: z.iso.datetime(),
  })
  .meta({ id: 'Attachment' });
export type AttachmentView = z.infer<typeof AttachmentView>;

const State = z.enum(volumeStates as [VolumeState, ...VolumeState[]]).meta({ id: 'VolumeState' });

/** A volume as the API shows it. */
export const Volume = z
  .strictObject({
    id: VolumeId,
    name: VolumeName,
    namespace: Namespace,
    type: VolumeType,
    driver: Driver,
    state: State,
    reason: z.string().optional().meta({ description: 'Why it failed, for people' }),
    size: z.string().optional().meta({ description: 'Size as asked, in the largest whole unit' }),
    sizeBytes: z.int().positive().optional(),
    provisionedGiB: z.int().positive().optional(),
    labels: Labels,
    options: z.record(z.string(), z.string()),
    description: z.string(),
    filesystem: FilesystemType.optional(),
    format: z.enum(['none', 'blank', 'formatting', 'formatted']),
    blank: z.boolean().optional().meta({
      description: 'Nothing was ever written to it; only where one volume is read',
    }),
    owner: Owner,
    readOnly: z.boolean(),
    encrypted: z.boolean(),
    protected: z.boolean(),
    backups: VolumeBackups.optional().meta({ description: 'How its backups are cut; default: frozen' }),
    availabilityZone: AvailabilityZone.optional(),
    storage: StorageRef.optional(),
    hosts: z.array(HostId).meta({ description: 'Hosts it is attached to' }),
    attachments: z.array(AttachmentView).optional().meta({ description: 'Only where one volume is read' }),
    operation: OperationId.optional().meta({ description: 'The operation under way' }),
    revision: z.int().positive(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    createdBy: z.string(),
    deletedAt: z.iso.datetime().optional(),
    purgeAt: z.iso.datetime().optional().meta({ description: 'When the undo window ends' }),
    finalBackup: z.string().optional().meta({ description: 'Id of the backup made at delete' }),
    lastBackup: z.strictObject({ id: z.string(), at: z.iso.datetime() }).optional().meta({
      description: 'The newest complete backup, and the moment that it holds; where one volume is read',
    }),
    lastVerified: z
      .strictObject({
        id: z.string(),
        at: z.iso.datetime(),
        restoreSeconds: z.number().min(0),
      })
      .optional()
      .meta({
        description: 'The last drill that passed, and what the restore took; where one volume is read',
      }),
  })
  .meta({ id: 'Volume' });
export type Volume = z.infer<typeof Volume>;

export const AttachVolume = z
  .strictObject({ host: HostId, readOnly: z.boolean().optional(), forceDetach: z.boolean().default(false) })
  .meta({ id: 'AttachVolume' });
export const DetachVolume = z
  .strictObject({ host: HostId.optional(), forceDetach: z.boolean().default(false) })
  .meta({ id: 'DetachVolume' });
export const UndeleteVolume = z
  .strictObject({ as: VolumeName.optional(), id: VolumeId.optional() })
  .meta({ id: 'UndeleteVolume' });
