import type { HostRecord } from '#shared/aws/table/records.ts';
import type { BackupItem, ImportingItem, TaskItem, TransferItem } from '#shared/model/items.ts';
import type { ChangeFacts } from '../change.ts';
import type { CommonSteps, Failure, StepOf } from '../planner.ts';

/** Everything a plan of a transfer is made from, as of one moment. */
export interface TransferFacts extends ChangeFacts {
  readonly transfer: TransferItem | undefined;
  /** What the host was asked to do. */
  readonly task: TaskItem | undefined;
  /** The host that was asked. */
  readonly host: HostRecord | undefined;
  /** What is read from; of an export and an import none. */
  readonly backup: BackupItem | undefined;
  /** The import that has the volume. */
  readonly importing: ImportingItem | undefined;
}

/** Every step and its arguments. The executors are a mapped type of this: a step without one does not compile. */
export interface TransferSteps extends CommonSteps {
  /** S3 AbortMultipartUpload and DeleteObject: nothing of the archive is left. */
  removeArchive: Record<never, never>;
  finishTransfer: Record<never, never>;
  failTransfer: { readonly failure: Failure };
}

export type TransferStep = StepOf<TransferSteps>;
