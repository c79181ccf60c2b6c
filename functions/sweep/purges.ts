import { startOperation } from '#shared/aws/table/volume-writes.ts';
import { replace } from '#shared/aws/table/writes.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { OperationItem, VolumeItem } from '#shared/model/items.ts';
import { workerOf } from '#shared/model/rules-use.ts';
import type { SweepPorts } from './ports.ts';

/** Who the audit names for what the product does by itself. */
const caller = 'hivemind:sweeper';

/** Tombstones whose undo window has ended get a purge operation; its id. */
export async function startPurges(ports: SweepPorts): Promise<string[]> {
  const due = await ports.table.listDuePurges(ports.clock().toISOString());
  const started: string[] = [];
  for (const volume of due) {
    // Its delete may still be making the final backup.
    if (volume.operation !== undefined) continue;
    const id = await startPurge(ports, volume);
    if (id !== undefined) started.push(id);
  }
  return started;
}

async function startPurge(ports: SweepPorts, volume: VolumeItem): Promise<string | undefined> {
  const operation = purgeOf(ports, volume);
  const { id, createdAt } = operation;
  const next: VolumeItem = { ...volume, state: 'purging', operation: id, updatedAt: createdAt };
  try {
    // An undelete in this moment wins or loses by the volume's revision.
    await ports.table.transact([replace('volume', volume, next), ...startOperation(operation)]);
  } catch (error) {
    if (isProductError(error, 'Conflict')) return undefined;
    throw error;
  }
  try {
    await ports.executions.start(id, operation);
  } catch (error) {
    // The next sweep finds it among the operations without an execution.
    ports.log.warn('purge not started yet', { operationId: id, error });
  }
  return id;
}

function purgeOf({ clock, newId }: SweepPorts, volume: VolumeItem): OperationItem {
  const now = clock().toISOString();
  return {
    id: `op-${newId()}`,
    kind: 'purge',
    namespace: volume.namespace,
    volumeId: volume.id,
    volume: volume.name,
    driver: workerOf(volume.driver),
    status: 'pending',
    progress: 0,
    message: 'Waiting to be freed',
    forceDetach: false,
    trail: [],
    caller,
    createdAt: now,
    updatedAt: now,
  };
}
