import type { LifecyclePolicy } from '@aws-sdk/client-efs';

/** What the storage service keeps. Entities are never changed in place: a change puts a new object (see store.ts). */

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

interface Owned {
  readonly id: string;
  readonly region: string;
  readonly tags: readonly Tag[];
}

export interface Volume extends Owned {
  readonly zone: string;
  /** GiB */
  readonly size: number;
  readonly type: VolumeKind;
  readonly iops?: number | undefined;
  /** MiB/s */
  readonly throughput?: number | undefined;
  readonly encrypted: boolean;
  readonly kmsKeyId?: string | undefined;
  readonly snapshotId?: string | undefined;
  readonly state: 'creating' | 'available' | 'in-use' | 'deleting' | 'error';
  readonly createTime: string;
  /** Set by the drop-volume and volume-error faults: what `creating` ends in. */
  readonly fate?: 'dropped' | 'error' | undefined;
}

export type VolumeKind = 'gp3' | 'gp2' | 'io1' | 'io2' | 'st1' | 'sc1' | 'standard';

/** A loop device as the kernel numbers it, good for one boot only. */
export interface Loop {
  /** /dev/loopN */
  readonly device: string;
  /** MAJ:MIN */
  readonly number: string;
}

/** A volume's one attachment; its key is the volume's id. */
export interface Attachment {
  readonly volumeId: string;
  readonly instanceId: string;
  readonly device: string;
  readonly state: 'attaching' | 'attached' | 'detaching' | 'busy';
  readonly attachTime: string;
  readonly deleteOnTermination: boolean;
  /** The device on the holder's host, while the instance runs. */
  readonly loop?: Loop | undefined;
  /** The stuck-attach fault: stays `attaching` until it is detached. */
  readonly stuck?: boolean | undefined;
  /** The detach was asked for with Force. */
  readonly force?: boolean | undefined;
}

/** A device that was fenced while something held it: worthless to its holder, freed when that lets go. Key: /dev/loopN. */
export interface FencedDevice {
  readonly loop: Loop;
  readonly volumeId: string;
  readonly since: string;
}

export type InstanceState = 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';

export interface Instance extends Owned {
  readonly name: string;
  readonly zone: string;
  readonly type: string;
  readonly privateIpAddress: string;
  readonly byIdDir: string;
  readonly udevDir: string;
  readonly roleArn?: string | undefined;
  readonly state: InstanceState;
  /** Lost its power without EC2 being asked: EC2 still says `running`. */
  readonly crashed: boolean;
  /** `pending`, and its devices already show. */
  readonly booting?: boolean | undefined;
  readonly launchTime: string;
  readonly stateReason?: string | undefined;
  /** Device names of attaches that hung: not free again before the instance stops. */
  readonly burntNames: readonly string[];
}

export interface Snapshot extends Owned {
  readonly volumeId: string;
  /** GiB */
  readonly volumeSize: number;
  readonly startTime: string;
  readonly completionTime?: string | undefined;
  readonly state: 'pending' | 'completed' | 'error';
  readonly stateMessage?: string | undefined;
  readonly description: string;
  readonly encrypted: boolean;
  readonly kmsKeyId?: string | undefined;
  /** The bytes are captured; a record without them after a crash becomes an error. */
  readonly captured: boolean;
  /** Region this was copied from. */
  readonly copiedFrom?: string | undefined;
  readonly fate?: 'error' | undefined;
}

export interface VolumeShape {
  readonly size: number;
  readonly type: VolumeKind;
  readonly iops?: number | undefined;
  readonly throughput?: number | undefined;
}

/** Key: the volume's id; the latest modification, and when the earlier ones of the last 24 h began. */
export interface Modification {
  readonly volumeId: string;
  readonly region: string;
  readonly state: 'modifying' | 'optimizing' | 'completed' | 'failed';
  readonly original: VolumeShape;
  readonly target: VolumeShape;
  readonly startTime: string;
  readonly endTime?: string | undefined;
  readonly starts: readonly string[];
}

/** Key: region, action and token. */
export interface ClientToken {
  readonly parameters: string;
  readonly resourceId: string;
  /** The first answer, for when the resource is gone. */
  readonly answer: unknown;
  readonly at: string;
}

export interface FileSystem extends Owned {
  readonly creationToken: string;
  readonly creationTime: string;
  readonly state: 'creating' | 'available' | 'updating' | 'deleting' | 'error';
  readonly performanceMode: string;
  readonly throughputMode: string;
  readonly provisionedMibps?: number | undefined;
  readonly encrypted: boolean;
  readonly kmsKeyId?: string | undefined;
  readonly zone?: string | undefined;
  readonly backup: boolean;
  readonly lifecycle: readonly LifecyclePolicy[];
  readonly protection: 'ENABLED' | 'DISABLED';
  readonly policy?: string | undefined;
}

export interface MountTarget {
  readonly id: string;
  readonly region: string;
  readonly fileSystemId: string;
  readonly subnetId: string;
  readonly zone: string;
  readonly vpcId: string;
  readonly ipAddress: string;
  readonly securityGroups: readonly string[];
  readonly state: 'creating' | 'available' | 'deleting';
}

export interface AccessPoint extends Owned {
  readonly clientToken: string;
  readonly parameters: string;
  readonly fileSystemId: string;
  readonly state: 'creating' | 'available' | 'deleting';
  readonly posixUser?:
    { readonly Uid: number; readonly Gid: number; readonly SecondaryGids?: number[] | undefined } | undefined;
  readonly path: string;
  readonly creation?:
    { readonly OwnerUid: number; readonly OwnerGid: number; readonly Permissions: string } | undefined;
}

export interface BackupVault {
  readonly name: string;
  readonly region: string;
  readonly creationTime: string;
  readonly kmsKeyArn: string;
  readonly creatorRequestId?: string | undefined;
}

export interface BackupJob {
  readonly id: string;
  readonly region: string;
  readonly vaultName: string;
  readonly recoveryPointArn: string;
  readonly resourceArn: string;
  readonly iamRoleArn: string;
  readonly creationTime: string;
  readonly completionTime?: string | undefined;
  readonly state: 'CREATED' | 'RUNNING' | 'COMPLETED' | 'FAILED';
  readonly message?: string | undefined;
  readonly sizeInBytes?: number | undefined;
  readonly token?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

export interface RecoveryPoint {
  readonly arn: string;
  readonly region: string;
  readonly vaultName: string;
  readonly resourceArn: string;
  readonly iamRoleArn: string;
  readonly creationTime: string;
  readonly completionTime?: string | undefined;
  readonly status: 'PARTIAL' | 'COMPLETED' | 'DELETING';
  readonly sizeInBytes: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface CopyJob {
  readonly id: string;
  /** Of the source. */
  readonly region: string;
  readonly sourceArn: string;
  readonly sourceVaultArn: string;
  readonly targetRegion: string;
  readonly targetVault: string;
  readonly targetVaultArn: string;
  /** Fixed when the job is made, so that a crash in between makes no second one. */
  readonly targetArn: string;
  readonly iamRoleArn: string;
  readonly creationTime: string;
  readonly completionTime?: string | undefined;
  readonly state: 'CREATED' | 'RUNNING' | 'COMPLETED' | 'FAILED';
  readonly message?: string | undefined;
  readonly sizeInBytes?: number | undefined;
  readonly token?: string | undefined;
}

export interface RestoreJob {
  readonly id: string;
  readonly region: string;
  readonly recoveryPointArn: string;
  readonly iamRoleArn: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly creationTime: string;
  readonly completionTime?: string | undefined;
  readonly state: 'PENDING' | 'RUNNING' | 'COMPLETED' | 'FAILED';
  readonly message?: string | undefined;
  readonly createdResourceArn?: string | undefined;
  readonly token?: string | undefined;
}

/** An event that EventBridge has not taken yet. */
export interface PendingEvent {
  readonly region: string;
  readonly detailType: string;
  readonly source: string;
  readonly resources: readonly string[];
  readonly detail: unknown;
  readonly time: string;
}

/** Every table and what it holds. */
export interface Tables {
  volumes: Volume;
  attachments: Attachment;
  fenced: FencedDevice;
  instances: Instance;
  snapshots: Snapshot;
  modifications: Modification;
  tokens: ClientToken;
  fileSystems: FileSystem;
  mountTargets: MountTarget;
  accessPoints: AccessPoint;
  vaults: BackupVault;
  backupJobs: BackupJob;
  recoveryPoints: RecoveryPoint;
  copyJobs: CopyJob;
  restoreJobs: RestoreJob;
  events: PendingEvent;
}

export type TableName = keyof Tables;

/** One row each, so that the compiler knows the list is whole. */
const tables: Readonly<Record<TableName, true>> = {
  volumes: true,
  attachments: true,
  fenced: true,
  instances: true,
  snapshots: true,
  modifications: true,
  tokens: true,
  fileSystems: true,
  mountTargets: true,
  accessPoints: true,
  vaults: true,
  backupJobs: true,
  recoveryPoints: true,
  copyJobs: true,
  restoreJobs: true,
  events: true,
};

export const tableNames = Object.keys(tables) as readonly TableName[];
