import * as z from 'zod';
import { AvailabilityZone, HostId, Namespace, VolumeId, VolumeName } from './names.ts';
import { HostTask } from './task.ts';
import { Driver, FilesystemRecord, Owner, StorageRef, VolumeType } from './volume.ts';

/** A host as the API shows it. */
export const Host = z
  .strictObject({
    id: HostId,
    namespace: Namespace,
    availabilityZone: AvailabilityZone,
    instanceType: z.string(),
    /** What EC2 last said: running, stopping, stopped, shutting-down, terminated, pending. */
    instanceState: z.string(),
    bootId: z.string(),
    agentVersion: z.string(),
    hostname: z.string(),
    drivers: z.array(Driver),
    draining: z.boolean(),
    registeredAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime(),
    volumes: z
      .array(
        z.strictObject({
          id: VolumeId,
          name: VolumeName,
          inUse: z.boolean(),
          containers: z.array(z.string()),
        }),
      )
      .optional(),
    revision: z.int().positive(),
  })
  .meta({ id: 'Host' });
export type Host = z.infer<typeof Host>;

const BootId = z.uuid();

export const RegisterHost = z
  .strictObject({
    bootId: BootId,
    agentVersion: z.string().max(64),
    hostname: z.string().max(255),
    drivers: z.array(Driver).max(16),
  })
  .meta({ id: 'RegisterHost' });

export const Registration = z
  .strictObject({
    host: Host,
    /** URL of the host's own queue; an empty message on it means: sync now. */
    queueUrl: z.string(),
    /** How often to sync when nothing wakes the agent, in seconds. */
    pollSeconds: z.int().positive(),
  })
  .meta({ id: 'Registration' });
export type Registration = z.infer<typeof Registration>;

/** What the agent sees of one attachment on its host. */
export const ObservedAttachment = z
  .strictObject({
    volumeId: VolumeId,
    epoch: z.int().min(0),
    mounted: z.boolean(),
    mountpoint: z.string().max(1024).optional(),
    device: z.string().max(256).optional(),
    containers: z.array(z.string().max(128)).max(200).default([]),
    usage: z
      .strictObject({
        totalBytes: z.int().min(0),
        usedBytes: z.int().min(0),
        inodes: z.int().min(0),
        inodesUsed: z.int().min(0),
      })
      .optional(),
    error: z.string().max(2048).optional(),
  })
  .meta({ id: 'ObservedAttachment' });
export type ObservedAttachment = z.infer<typeof ObservedAttachment>;

export const SyncRequest = z
  .strictObject({ bootId: BootId, observed: z.array(ObservedAttachment).max(500) })
  .meta({ id: 'SyncRequest' });
export type SyncRequest = z.infer<typeof SyncRequest>;

/** A volume that this host has, or shall give back. Everything the agent needs to serve it, and nothing more. */
export const Assignment = z
  .strictObject({
    volumeId: VolumeId,
    name: VolumeName,
    type: VolumeType,
    driver: Driver,
    /** `attached`: keep it ready; `detached`: unmount as soon as nothing uses it, clear the lease, and release. */
    desired: z.enum(['attached', 'detached']),
    /** `attaching` until AWS confirmed the attachment. */
    actual: z.enum(['attaching', 'attached']),
    epoch: z.int().min(0),
    readOnly: z.boolean(),
    /** The lease's inUse for this host, as the control plane has it. */
    inUse: z.boolean(),
    /** Which use that is: to end it, it is named. */
    use: z.uuid().optional(),
    storage: StorageRef.optional(),
    sizeBytes: z.int().positive().optional(),
    filesystem: FilesystemRecord,
    owner: Owner,
    options: z.record(z.string(), z.string()),
    /** Its files are being restored here: no container gets it before they are there. */
    filling: z.boolean().optional(),
  })
  .meta({ id: 'Assignment' });
export type Assignment = z.infer<typeof Assignment>;

/** Contract 5: a directory of a deleted network volume, to be emptied through its own temporary access point. */
export const PurgeTask = z
  .strictObject({ volumeId: VolumeId, fileSystemId: z.string(), accessPointId: z.string() })
  .meta({ id: 'PurgeTask' });
export type PurgeTask = z.infer<typeof PurgeTask>;

export const SyncAnswer = z
  .strictObject({
    now: z.iso.datetime(),
    assignments: z.array(Assignment),
    purges: z.array(PurgeTask),
    tasks: z.array(HostTask),
    draining: z.boolean(),
  })
  .meta({ id: 'SyncAnswer' });
export type SyncAnswer = z.infer<typeof SyncAnswer>;

export const ClaimRequest = z
  .strictObject({ bootId: BootId, readOnly: z.boolean().optional() })
  .meta({ id: 'ClaimRequest' });
/** `ready: false`: the attach is under way; sync until the assignment says `attached`. */
export const ClaimAnswer = z
  .strictObject({ ready: z.boolean(), assignment: Assignment, operation: z.string().optional() })
  .meta({ id: 'ClaimAnswer' });
export type ClaimAnswer = z.infer<typeof ClaimAnswer>;

/** Each use has an id of its own, so that a clear that comes late ends no use but the one it was meant for. */
export const LeaseRequest = z
  .strictObject({ bootId: BootId, epoch: z.int().min(0), inUse: z.boolean(), use: z.uuid().optional() })
  .meta({ id: 'LeaseRequest' });
export const LeaseAnswer = z
  .strictObject({ epoch: z.int().min(0), inUse: z.boolean(), filesystem: FilesystemRecord })
  .meta({ id: 'LeaseAnswer' });

export const TicketRequest = z
  .strictObject({ bootId: BootId, epoch: z.int().min(0), serial: z.string().max(64) })
  .meta({ id: 'TicketRequest' });
/** Contract 1: permission to format once; names the UUID in advance. `renewed` when one was given before (a crash). */
export const FormatTicket = z
  .strictObject({
    volumeId: VolumeId,
    epoch: z.int().min(0),
    serial: z.string(),
    type: z.enum(['ext4', 'xfs']),
    uuid: z.uuid(),
    renewed: z.boolean(),
  })
  .meta({ id: 'FormatTicket' });
export type FormatTicket = z.infer<typeof FormatTicket>;

/** `formatted`: mkfs is done; `mounted`: it has been mounted once, from now on no ticket is ever given. */
export const FormattedRequest = z
  .strictObject({ bootId: BootId, epoch: z.int().min(0), uuid: z.uuid(), mounted: z.boolean() })
  .meta({ id: 'FormattedRequest' });

export const ReleaseRequest = z
  .strictObject({ bootId: BootId, epoch: z.int().min(0) })
  .meta({ id: 'ReleaseRequest' });
export const PurgedRequest = z.strictObject({ accessPointId: z.string() }).meta({ id: 'PurgedRequest' });
export const DrainHost = z.strictObject({ draining: z.boolean().default(true) }).meta({ id: 'DrainHost' });
