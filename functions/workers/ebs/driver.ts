import type { TransferObjects } from '#shared/aws/archive/transfer-objects.ts';
import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import type { Instances } from '#shared/aws/ec2/instances.ts';
import { keys } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { OperationItem } from '#shared/model/items.ts';
import type { OperationKind } from '#shared/model/operation.ts';
import type { ChangeFacts } from '../change.ts';
import { planEbs, planRefusal } from '../planner-ebs.ts';
import type { EbsFacts, EbsStep, ScratchFacts } from '../planner-ebs-steps.ts';
import type { WorkerDriver } from '../runner.ts';
import { ebsExecutors } from './executors.ts';

export interface EbsPorts {
  readonly table: Pick<Table, 'read' | 'readBackup' | 'readHost' | 'listBackupsOf'>;
  readonly storage: BlockStorage;
  readonly instances: Instances;
  /** What is read from backups. */
  readonly objects: Pick<TransferObjects, 'abort' | 'remove'>;
  readonly undoWindowHours: number;
  readonly region: string;
}

/** The EBS half of a worker. */
export function ebsDriver(ports: EbsPorts): WorkerDriver<EbsStep, EbsFacts> {
  return {
    look: (seen) => lookAround(ports, seen),
    plan: planEbs,
    refuse: planRefusal,
    executors: ebsExecutors(ports),
  };
}

/** Asks EC2 only what the operation's plan may turn on. */
async function lookAround(ports: EbsPorts, seen: ChangeFacts): Promise<EbsFacts> {
  const { operation, record } = seen;
  const { storage, state } = record.volume;
  const [block] = storage?.kind === 'ebs' ? await ports.storage.findVolumes([storage.volumeId]) : [];
  const isRestore = operation.kind === 'restore';
  const snapshots =
    state === 'deleted' || isRestore ? await ports.storage.findSnapshots({ operation: operation.id }) : [];
  const backups = state === 'purging' ? await ports.table.listBackupsOf(record.volume.id) : [];
  const onScratch = scratchKinds.has(operation.kind);
  const attaching = (onScratch || operation.kind === 'attach') && operation.host !== undefined;
  const target = attaching ? await ports.table.readHost(operation.host ?? '') : undefined;
  const holderPowerless = await isPowerless(ports, seen);
  const scratch = onScratch ? await scratchOf(ports, operation) : undefined;
  const restore = isRestore ? await restoreOf(ports, seen) : undefined;
  const { undoWindowHours, region } = ports;
  const found = { block, snapshots, backups, target, scratch, restore, holderPowerless };
  return { ...seen, ...found, undoWindowHours, region };
}

async function restoreOf({ table, storage }: EbsPorts, { operation, record }: ChangeFacts) {
  const { backup = '', guard } = operation;
  const made = record.volume.incoming?.storage;
  const [incoming] = made?.kind === 'ebs' ? await storage.findVolumes([made.volumeId]) : [];
  return {
    backup: await table.readBackup(backup),
    guard: guard === undefined ? undefined : await table.readBackup(guard),
    incoming,
  };
}

const scratchKinds: ReadonlySet<OperationKind> = new Set(['drill', 'browse', 'extract']);

async function scratchOf({ table }: EbsPorts, { id, backup = '' }: OperationItem): Promise<ScratchFacts> {
  // In this order: once the host has answered, what it sent is there.
  const task = await table.read('task', keys.task(id));
  const transfer = await table.read('transfer', keys.transfer(id));
  return { backup: await table.readBackup(backup), task, transfer };
}

/**
 * Contract 3: only EC2's `stopped` and `terminated` mean that the holder writes no more. EC2 forgets a terminated instance
 * after an hour or so: one that it does not know counts if it was known to be terminated before.
 */
export async function isPowerless(
  { instances, table }: Pick<EbsPorts, 'instances' | 'table'>,
  { record }: ChangeFacts,
): Promise<boolean> {
  const { lease } = record;
  if (lease?.inUse !== true || lease.holder === undefined) return false;
  const [holder] = await instances.find([lease.holder]);
  if (holder !== undefined) return holder.state === 'stopped' || holder.state === 'terminated';
  return (await table.readHost(lease.holder))?.host.instanceState === 'terminated';
}
