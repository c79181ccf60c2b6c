import type {
  BlockAttachment,
  BlockVolume,
  NewBlockVolume,
  Snapshot,
} from '#shared/aws/ec2/block-storage.ts';
import type { HostRecord, VolumeRecord } from '#shared/aws/table/records.ts';
import type { BackupItem, OperationItem, TaskItem, TransferItem } from '#shared/model/items.ts';
import type { DrillFinding } from '#shared/model/rules-drill.ts';
import type { VolumeState } from '#shared/model/states.ts';
import type { RestoreFacts } from './planner-ebs-restore.ts';
import { ageOf, minutes, pace, type CommonSteps, type Failure, type StepOf } from './planner.ts';

/** Everything a plan is made from, as of one moment. */
export interface EbsFacts {
  readonly operation: OperationItem;
  readonly record: VolumeRecord;
  /** What EC2 says of the volume; undefined where it knows none (yet, or any more) or the record names none. */
  readonly block: BlockVolume | undefined;
  /** Snapshots that this operation made; only looked for once the volume is a tombstone, or is restored in place. */
  readonly snapshots: readonly Snapshot[];
  /** The volume's backups; only looked for once its storage is to be freed. */
  readonly backups: readonly BackupItem[];
  /** EC2 says that the lease's holder is `stopped` or `terminated`: it writes no more (contract 3). */
  readonly holderPowerless: boolean;
  /** The host it is to be attached to. */
  readonly target: HostRecord | undefined;
  /** Of what works on a scratch volume. */
  readonly scratch?: ScratchFacts | undefined;
  /** Of a restore in place. */
  readonly restore?: RestoreFacts | undefined;
  readonly now: Date;
  readonly undoWindowHours: number;
  readonly region: string;
}

/** What a drill, a browse and an extract turn on besides. */
export interface ScratchFacts {
  readonly backup: BackupItem | undefined;
  /** What the host was asked. */
  readonly task: TaskItem | undefined;
  /** What it has sent: not of a drill. */
  readonly transfer: TransferItem | undefined;
}

/** Every step and its arguments. The executors are a mapped type of this: a step without one does not compile. */
export interface EbsSteps extends CommonSteps {
  /** EC2 CreateVolume. */
  createVolume: { readonly wanted: NewBlockVolume };
  /** EC2 has shown that this attempt failed: the next one gets another token. */
  nextAttempt: { readonly because: string };
  /** The volume is there: `available`. Ends a create. */
  confirmCreated: Record<never, never>;
  failCreate: { readonly failure: Failure; readonly nextAttempt: boolean };
  /** EC2 AttachVolume; `claim`: the name is new and is claimed with the step. */
  attachVolume: AttachStep;
  /** The host or EC2 uses that name already: never again before the instance stops. */
  confirmAttached: { readonly device: string };
  /** The attach has failed: from now on it is taken back. */
  takeBack: { readonly failure: Failure };
  /** Taken back: nobody holds it, or the former holder still does. */
  settleBack: { readonly holder: string | undefined };
  /** EC2 DetachVolume; `burn`: a name whose attach hung. */
  detachVolume: {
    readonly ebsId: string;
    readonly instanceId: string;
    readonly force: boolean;
    readonly burn?: string;
  };
  confirmDetached: Record<never, never>;
  /** A detach, delete or restore in place that cannot be done: as it was before. */
  restore: { readonly failure: Failure };
  /** Raises the epoch, so that no host can begin to use the volume any more. */
  fence: Record<never, never>;
  bury: { readonly purgeAt: string };
  /** EC2 CreateSnapshot. */
  createSnapshot: { readonly ebsId: string };
  confirmSnapshot: { readonly snapshotId: string };
  /** EC2 DeleteSnapshot, of a second one that a lost answer left. */
  removeDouble: { readonly snapshotId: string };
  /** Ends a delete: the tombstone stays. */
  finishDelete: { readonly failure?: Failure };
  /** A delete with `--purge` goes on at once. */
  startPurge: Record<never, never>;
  /** EC2 DeleteVolume. */
  deleteVolume: { readonly ebsId: string };
  /** The storage is freed: the record goes with its final backups that were removed, or stays for the backups there are. */
  forget: { readonly keep: boolean; readonly removed: readonly BackupItem[] };
  /** What a restore in place replaces is a backup from now on. */
  keepGuard: Record<never, never>;
  /** EC2 CreateVolume, of what a restore in place puts in the place of the old. */
  createIncoming: { readonly wanted: NewBlockVolume };
  /** As `nextAttempt`, of what a restore in place makes. */
  nextIncoming: { readonly because: string };
  /** Puts it in the place of what the volume had, in one transaction. */
  exchange: Record<never, never>;
  /** Ends a restore in place. */
  finishRestore: Record<never, never>;
  /** A scratch volume is attached; the operation goes on. */
  scratchAttached: { readonly device: string };
  /** Asks the host to look into it. */
  askVerify: { readonly task: TaskItem };
  /** Writes the outcome of a drill down; from now on its scratch volume is removed. */
  recordDrill: { readonly finding: DrillFinding };
  /** A scratch volume on its way out. */
  retire: { readonly to: VolumeState };
  /** The scratch volume is gone. Ends a drill. */
  finishDrill: Record<never, never>;
  /** Asks the host to read it. */
  askExtract: { readonly task: TaskItem };
  /** Writes down that it was read, or why not; from now on its scratch volume is removed. */
  recordExtract: { readonly failure: Failure | undefined };
  /** S3 AbortMultipartUpload or DeleteObject. */
  removeArchive: Record<never, never>;
  /** The scratch volume is gone. Ends a browse or an extract. */
  finishExtract: Record<never, never>;
}

interface AttachStep {
  readonly ebsId: string;
  readonly instanceId: string;
  readonly device: string;
  readonly claim: boolean;
}

export type EbsStep = StepOf<EbsSteps>;

/** Who has the volume after a failed attach: the former holder or the target, where EC2 says so. */
export function holderIn({ operation, block }: EbsFacts): string | undefined {
  const holder = block?.attachments.find(({ state }) => state === 'attached')?.instanceId;
  return holder === operation.fromHost || holder === operation.host ? holder : undefined;
}

export function wait(
  { operation, now }: EbsFacts,
  message: string,
  seconds = pace(ageOf(operation, now)),
): EbsStep {
  return { kind: 'wait', seconds, message, progress: operation.progress };
}

export function attachmentOn({ block }: EbsFacts, instanceId: string): BlockAttachment | undefined {
  return block?.attachments.find((attachment) => attachment.instanceId === instanceId);
}

/**
 * EC2's reads may lag behind its writes: for 10 minutes after a create's 200, and for the first minute of an operation,
 * "no such volume" is not believed.
 */
export function mayAppearYet({ operation, record, now }: EbsFacts): boolean {
  const created = record.volume.createdInAwsAt;
  const young = created !== undefined && now.getTime() - Date.parse(created) < minutes(10);
  return young || ageOf(operation, now) < minutes(1);
}

/** Somebody may be writing to the volume. */
export function isHeld({ record, holderPowerless }: EbsFacts): boolean {
  return record.lease?.inUse === true && !holderPowerless;
}
