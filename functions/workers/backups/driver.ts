import type { ManifestObjects } from '#shared/aws/archive/manifest-objects.ts';
import type { RecoveryRegions } from '#shared/aws/backup/recovery-points.ts';
import type { RepositoryKeeper } from '#shared/aws/archive/repository-keeper.ts';
import type { TransferObjects } from '#shared/aws/archive/transfer-objects.ts';
import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import type { SnapshotRegions } from '#shared/aws/ec2/snapshot-regions.ts';
import type { Instances } from '#shared/aws/ec2/instances.ts';
import { keys } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { ChangeFacts } from '../change.ts';
import { isPowerless } from '../ebs/driver.ts';
import type { WorkerDriver } from '../runner.ts';
import { findPowerless } from '../efs/driver.ts';
import { backupExecutors } from './executors.ts';
import { lookAtArchive } from './look-at-archive.ts';
import { lookAtPoint } from './look-at-point.ts';
import { planBackup, planRefusal } from './planner.ts';
import type { BackupFacts, BackupStep } from './steps.ts';

export interface BackupWorkerPorts {
  readonly table: Pick<Table, 'read' | 'readBackup' | 'readHost' | 'readMany' | 'list' | 'listBackupsOf'>;
  readonly storage: BlockStorage;
  /** Where copies are; snapshots of every backup are looked for and removed in its own Region. */
  readonly regions: SnapshotRegions;
  /** Points of every backup are looked for and removed in its own Region. */
  readonly recovery: RecoveryRegions;
  readonly repositories: RepositoryKeeper;
  readonly instances: Instances;
  readonly manifests: Pick<ManifestObjects, 'remove' | 'copy'>;
  /** Archives that callers have sent. */
  readonly objects: Pick<TransferObjects, 'abort' | 'remove'>;
}

/** The half of a worker that makes and removes backups. */
export function backupDriver(ports: BackupWorkerPorts): WorkerDriver<BackupStep, BackupFacts> {
  return {
    look: (seen) => lookAround(ports, seen),
    plan: planBackup,
    refuse: planRefusal,
    executors: backupExecutors(ports),
  };
}

/** Asks EC2 only what the operation's plan may turn on. */
async function lookAround(ports: BackupWorkerPorts, seen: ChangeFacts): Promise<BackupFacts> {
  const { table, regions } = ports;
  const { operation, record } = seen;
  const id = operation.backup ?? '';
  const backup = await table.readBackup(id);
  const task = await table.read('task', keys.task(operation.id));
  const source = backup?.copyOf === undefined ? undefined : await table.readBackup(backup.copyOf);
  const shared =
    backup?.kind === 'recovery-point' ? await lookAtPoint(ports, seen, { backup, source }) : undefined;
  const isHosted = backup?.kind === 'archive' || operation.kind === 'import';
  const archive = isHosted ? await lookAtArchive(ports, seen, { backup, task }) : undefined;
  const snapshots =
    backup?.kind !== 'snapshot' ? [] : await regions.in(backup.region).findSnapshots({ backup: id });
  const holderPowerless = await isPowerless(ports, seen);
  const purged = record.volume.state === 'purged';
  const others = !purged || (await table.listBackupsOf(record.volume.id)).some((other) => other.id !== id);
  const found = { backup, source, task, snapshots, shared, archive };
  return { ...seen, ...found, ...(await lookAtReplacement(ports, seen)), holderPowerless, others };
}

/** Of what replaces a volume's files. */
async function lookAtReplacement(
  ports: BackupWorkerPorts,
  seen: ChangeFacts,
): Promise<Pick<BackupFacts, 'guard' | 'powerless' | 'transfer' | 'importing'>> {
  const { table } = ports;
  const { id, kind, guard: kept, volumeId } = seen.operation;
  const guard = kept === undefined ? undefined : await table.readBackup(kept);
  const powerless = kept === undefined ? new Set<string>() : await findPowerless(ports, seen);
  if (kind !== 'import') return { guard, powerless, transfer: undefined, importing: undefined };
  const transfer = await table.read('transfer', keys.transfer(id));
  const importing = await table.read('importing', keys.importing(volumeId));
  return { guard, powerless, transfer, importing };
}
