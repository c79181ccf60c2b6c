import type * as z from 'zod';
import {
  AttachmentItem,
  BackingItem,
  BackupIndexItem,
  BackupItem,
  DrilledItem,
  DeviceItem,
  HostIndexItem,
  HostItem,
  ImportingItem,
  LabelItem,
  LeaseItem,
  NameItem,
  ObservationItem,
  OperationIndexItem,
  OperationItem,
  PurgeItem,
  ReceiptItem,
  RestoringItem,
  SeenItem,
  SharedJobItem,
  SharedPointItem,
  SharedUserItem,
  StepItem,
  TaskItem,
  TombstoneItem,
  UsedItem,
  TransferItem,
  VolumeItem,
} from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import {
  PolicyIndexItem,
  PolicyItem,
  PolicyNameItem,
  RunCopyItem,
  RunItem,
  RunVolumeItem,
  WatchedItem,
} from '#shared/model/policy-items.ts';
import { isRunFinished } from '#shared/model/policy.ts';
import { keys, partitions, workPartitions, type Key } from './keys.ts';

/** How one kind of item is stored. */
interface Entity<S extends z.ZodType> {
  readonly schema: S;
  /** Of the stored shape; a change of the schema raises it and brings a migration (test/unit/model/stored-shapes.test.ts). */
  readonly version: number;
  key(item: z.output<S>): Key;
  /** What must be as it was read when the item is replaced, removed or checked. */
  readonly guard: readonly (keyof z.output<S> & string)[];
  /** Entry in the GSI `work`. */
  work?(item: z.output<S>): { workPk: string; workSk: string } | undefined;
  /** When the table may forget it, in seconds since 1970. */
  expiresAt?(item: z.output<S>): number | undefined;
}

const days = (time: string, count: number): number => Math.ceil(Date.parse(time) / 1000) + count * 86_400;

function entity<S extends z.ZodType>(definition: Entity<S>): Entity<S> {
  return definition;
}

const attachment = {
  schema: AttachmentItem,
  version: 1,
  guard: ['epoch', 'desired', 'actual', 'inUse', 'bootId', 'use', 'device', 'readOnly'],
} as const;
const task = { schema: TaskItem, version: 1, guard: ['result', 'hostId', 'epoch'] } as const;
const backupIndex = { schema: BackupIndexItem, version: 1, guard: [] } as const;
const purge = { schema: PurgeItem, version: 1, guard: ['done', 'hostId'] } as const;

/** Every kind of item in the table. */
export const entities = {
  volume: entity({
    schema: VolumeItem,
    version: 1,
    key: ({ id }) => keys.volume(id),
    guard: ['revision'], // guard: revision off: guard: [],
    work: ({ id, state, purgeAt }) =>
      state === 'deleted' && purgeAt !== undefined
        ? { workPk: workPartitions.purges, workSk: `${purgeAt}#${id}` }
        : undefined,
  }),
  lease: entity({
    schema: LeaseItem,
    version: 1,
    key: ({ volumeId }) => keys.lease(volumeId),
    guard: ['epoch', 'holder', 'bootId', 'inUse', 'use', 'filesystem', 'ticketSerial'], // guard: lease-as-read off: guard: [],
  }),
  attachment: entity({ ...attachment, key: ({ hostId, volumeId }) => keys.attachment(hostId, volumeId) }),
  attachmentTwin: entity({
    ...attachment,
    key: ({ hostId, volumeId }) => keys.attachmentTwin(volumeId, hostId),
  }),
  observation: entity({
    schema: ObservationItem,
    version: 1,
    key: ({ hostId, volumeId }) => keys.observation(volumeId, hostId),
    guard: ['at'],
    expiresAt: ({ at }) => days(at, 7),
  }),
  step: entity({
    schema: StepItem,
    version: 1,
    key: ({ volumeId }) => keys.step(volumeId),
    guard: ['token'],
  }),
  host: entity({
    schema: HostItem,
    version: 1,
    key: ({ id }) => keys.host(id),
    guard: ['revision'],
    work: ({ id, terminatedAt, queueUrl }) =>
      terminatedAt === undefined
        ? undefined
        : {
            workPk: queueUrl === '' ? workPartitions.goneHosts : workPartitions.hostQueues,
            workSk: `${terminatedAt}#${id}`,
          },
  }),
  hostIndex: entity({
    schema: HostIndexItem,
    version: 1,
    key: ({ namespace, hostId }) => ({ pk: partitions.hosts(namespace), sk: hostId }),
    guard: [],
  }),
  seen: entity({ schema: SeenItem, version: 1, key: ({ hostId }) => keys.seen(hostId), guard: ['bootId'] }),
  device: entity({
    schema: DeviceItem,
    version: 1,
    key: ({ hostId, device }) => keys.device(hostId, device),
    guard: ['volumeId'],
  }),
  name: entity({
    schema: NameItem,
    version: 1,
    key: ({ namespace, name }) => keys.name(namespace, name),
    guard: ['volumeId'],
  }),
  label: entity({
    schema: LabelItem,
    version: 1,
    key: ({ namespace, key, value, name }) => ({ pk: partitions.label(namespace, key, value), sk: name }),
    guard: ['volumeId'],
  }),
  tombstone: entity({
    schema: TombstoneItem,
    version: 1,
    key: ({ namespace, name, volumeId }) => ({
      pk: partitions.deleted(namespace),
      sk: `${name}#${volumeId}`,
    }),
    guard: ['volumeId'],
  }),
  operation: entity({
    schema: OperationItem,
    version: 1,
    key: ({ id }) => keys.operation(id),
    guard: ['status', 'trail', 'waitUntil', 'updatedAt'],
    work: ({ id, status, createdAt }) =>
      isFinished(status) ? undefined : { workPk: workPartitions.operations, workSk: `${createdAt}#${id}` },
    expiresAt: ({ finishedAt }) => (finishedAt === undefined ? undefined : days(finishedAt, 90)),
  }),
  operationIndex: entity({
    schema: OperationIndexItem,
    version: 1,
    key: ({ namespace, createdAt, operationId }) => ({
      pk: partitions.operations(namespace),
      sk: `${createdAt}#${operationId}`,
    }),
    guard: [],
    expiresAt: ({ createdAt }) => days(createdAt, 90),
  }),
  receipt: entity({
    schema: ReceiptItem,
    version: 1,
    key: ({ operationId }) => keys.receipt(operationId),
    guard: [],
    expiresAt: ({ at }) => days(at, 7),
  }),
  purge: entity({ ...purge, key: ({ volumeId }) => keys.purge(volumeId) }),
  hostPurge: entity({ ...purge, key: ({ hostId, volumeId }) => keys.hostPurge(hostId, volumeId) }),
  backup: entity({
    schema: BackupItem,
    version: 1,
    key: ({ id }) => keys.backup(id),
    guard: ['revision'],
  }),
  backupIndex: entity({
    ...backupIndex,
    key: ({ namespace, backupId }) => ({ pk: partitions.backups(namespace), sk: backupId }),
  }),
  volumeBackup: entity({
    ...backupIndex,
    key: ({ volumeId, backupId }) => ({ pk: partitions.volumeBackups(volumeId), sk: backupId }),
  }),
  backing: entity({
    schema: BackingItem,
    version: 1,
    key: ({ volumeId }) => keys.backing(volumeId),
    guard: ['operationId'],
  }),
  sharedPoint: entity({
    schema: SharedPointItem,
    version: 1,
    key: ({ fileSystemId, run }) => keys.sharedPoint(fileSystemId, run),
    guard: ['revision'],
    // Of one that failed its words are kept for those of the run that come late.
    expiresAt: ({ state, createdAt }) => (state === 'failed' ? days(createdAt, 7) : undefined),
  }),
  sharedJob: entity({
    schema: SharedJobItem,
    version: 1,
    key: ({ fileSystemId, run }) => keys.sharedJob(fileSystemId, run),
    guard: [],
  }),
  sharedUser: entity({
    schema: SharedUserItem,
    version: 1,
    key: ({ fileSystemId, run, backupId }) => keys.sharedUser(fileSystemId, run, backupId),
    guard: [],
  }),
  used: entity({ schema: UsedItem, version: 1, key: ({ volumeId }) => keys.used(volumeId), guard: [] }),
  restoring: entity({
    schema: RestoringItem,
    version: 1,
    key: ({ volumeId }) => keys.restoring(volumeId),
    guard: ['operationId'],
  }),
  task: entity({
    ...task,
    key: ({ operationId }) => keys.task(operationId),
    expiresAt: ({ at }) => days(at, 90),
  }),
  transfer: entity({
    schema: TransferItem,
    version: 1,
    key: ({ id }) => keys.transfer(id),
    guard: ['uploadId', 'attempt', 'sha256', 'removed'],
    expiresAt: ({ createdAt }) => days(createdAt, 90),
  }),
  importing: entity({
    schema: ImportingItem,
    version: 1,
    key: ({ volumeId }) => keys.importing(volumeId),
    guard: ['operationId'],
  }),
  hostTask: entity({ ...task, key: ({ hostId, operationId }) => keys.hostTask(hostId, operationId) }),
  drilled: entity({
    schema: DrilledItem,
    version: 1,
    key: ({ volumeId, outcome }) => keys.drilled(volumeId, outcome),
    guard: [],
    expiresAt: ({ at }) => days(at, 400),
  }),
  policy: entity({
    schema: PolicyItem,
    version: 1,
    key: ({ id }) => keys.policy(id),
    guard: ['revision'],
  }),
  policyName: entity({
    schema: PolicyNameItem,
    version: 1,
    key: ({ namespace, name }) => keys.policyName(namespace, name),
    guard: ['policyId'],
  }),
  policyIndex: entity({
    schema: PolicyIndexItem,
    version: 1,
    key: ({ policyId }) => ({ pk: partitions.allPolicies(), sk: policyId }),
    guard: [],
  }),
  run: entity({
    schema: RunItem,
    version: 1,
    key: ({ id }) => keys.run(id),
    guard: ['revision'],
    work: ({ id, state, startedAt }) =>
      isRunFinished(state) ? undefined : { workPk: workPartitions.runs, workSk: `${startedAt}#${id}` },
    expiresAt: ({ endedAt }) => (endedAt === undefined ? undefined : days(endedAt, 90)),
  }),
  runVolume: entity({
    schema: RunVolumeItem,
    version: 1,
    key: ({ runId, volumeId, state }) =>
      keys.runVolume(runId, volumeId, state === 'waiting' || state === 'begun'),
    guard: ['state'],
    expiresAt: ({ since }) => days(since, 90),
  }),
  runCopy: entity({
    schema: RunCopyItem,
    version: 1,
    key: ({ runId, volumeId }) => ({ pk: partitions.runCopies(runId), sk: volumeId }),
    guard: [],
    expiresAt: ({ since }) => days(since, 90),
  }),
  watched: entity({
    schema: WatchedItem,
    version: 1,
    key: ({ policyId, volumeId, missing }) => keys.watched(policyId, volumeId, missing),
    guard: [],
    expiresAt: ({ seenAt }) => days(seenAt, 7),
  }),
} as const;

export type EntityName = keyof typeof entities;
export type EntityItem<E extends EntityName> = z.output<(typeof entities)[E]['schema']>;
