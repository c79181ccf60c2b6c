import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import type { Executions } from '#shared/aws/executions.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { Log } from '#shared/runtime/telemetry.ts';

/** What a sweep needs. It has no way to delete anything. */
export interface SweepPorts {
  readonly table: Table;
  readonly storage: Pick<BlockStorage, 'listVolumes'>;
  readonly executions: Executions;
  readonly log: Log;
  readonly count: (metric: string, value: number) => void;
  readonly clock: () => Date;
  /** A new ULID. */
  readonly newId: () => string;
}

/** What one sweep did and saw. */
export interface SweepReport {
  readonly restarted: readonly string[];
  readonly stuck: readonly string[];
  readonly purges: readonly string[];
  readonly leaks: readonly string[];
}
