import type { ManifestObjects } from '#shared/aws/archive/manifest-objects.ts';
import type { RecoveryPoints } from '#shared/aws/backup/recovery-points.ts';
import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import type { RegionSnapshots } from '#shared/aws/ec2/snapshot-regions.ts';
import type { HostQueues } from '#shared/aws/host-queues.ts';
import type { Executions, RunExecutions } from '#shared/aws/executions.ts';
import type { Inventory } from '#shared/aws/leftovers.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { Settings } from '#functions/volumes/ports.ts';
import type { Log } from '#shared/runtime/telemetry.ts';

/** What a sweep needs. It has no way to delete a volume or its files. */
export interface SweepPorts {
  readonly table: Table;
  readonly storage: Pick<BlockStorage, 'listVolumes'>;
  readonly regions: { in(region: string): Pick<RegionSnapshots, 'deleteSnapshot'> };
  readonly recovery: { in(region: string): Pick<RecoveryPoints, 'listPoints' | 'tagsOf' | 'deletePoint'> };
  readonly settings: Pick<Settings, 'region' | 'copyRegions' | 'vaultRegions'> & {
    readonly fileSystemId: string;
  };
  readonly inventory: Inventory;
  readonly manifests: ManifestObjects;
  readonly executions: Executions;
  readonly queues: Pick<HostQueues, 'remove'>;
  /** Of runs of policies. */
  readonly runs: RunExecutions;
  readonly log: Log;
  readonly count: (metric: string, value: number) => void;
  readonly clock: () => Date;
  /** A new ULID. */
  readonly newId: () => string;
}

/** What one sweep did and saw. */
export interface SweepReport {
  readonly restarted: readonly string[];
  readonly runs: readonly string[];
  readonly stuck: readonly string[];
  readonly purges: readonly string[];
  readonly leaks: readonly string[];
  /** Second snapshots of a backup that were removed. */
  readonly doubles?: readonly string[] | undefined;
  /** Snapshots, access points and recovery points without a record; undefined where this sweep did not look. */
  readonly leftovers: readonly string[] | undefined;
  /** Backups without a record whose manifest was removed; undefined where this sweep did not look. */
  readonly manifests: readonly string[] | undefined;
  /** Terminated hosts whose queue was removed, and whose record was. */
  readonly queues: readonly string[];
  readonly hosts: readonly string[];
}
