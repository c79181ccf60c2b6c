import type { Instances } from '#shared/aws/ec2/instances.ts';
import type { Waker } from '#shared/aws/queue.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { Workflow } from '#shared/aws/workflow.ts';
import type { Caller } from '#shared/runtime/http-request.ts';
import type { Log } from '#shared/runtime/telemetry.ts';

/** What the use cases of volumes need of the world. */
export interface Ports {
  readonly table: Table;
  readonly workflow: Workflow;
  readonly waker: Waker;
  readonly instances: Instances;
  readonly log: Log;
  /** The control plane's time: the only one that decides anything. */
  readonly clock: () => Date;
  /** A new ULID. */
  readonly newId: () => string;
  readonly settings: Settings;
}

export interface Settings {
  /** Hours between delete and the freeing of storage. */
  readonly undoWindowHours: number;
  readonly region: string;
  /** Other Regions that backups may be copied to. */
  readonly copyRegions: readonly string[];
  /** Of those: the ones that have a vault for copies of recovery points. */
  readonly vaultRegions: readonly string[];
}

/** Who calls, for which namespace, and under which idempotency key. */
export interface Call {
  readonly caller: Caller;
  readonly namespace: string;
  readonly idempotencyKey?: string | undefined;
  readonly requestHash: string;
  readonly ifMatch?: string | undefined;
}
