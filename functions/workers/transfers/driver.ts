import type { TransferObjects } from '#shared/aws/archive/transfer-objects.ts';
import { keys } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import { discard, replace, type Write } from '#shared/aws/table/writes.ts';
import { fail, look, succeed, type ChangeFacts } from '../change.ts';
import type { Executors } from '../executor.ts';
import type { WorkerDriver } from '../runner.ts';
import { planTransfer, planTransferRefusal } from './planner.ts';
import { removeArchive } from './remove-archive.ts';
import type { TransferFacts, TransferStep } from './steps.ts';

export interface TransferWorkerPorts {
  readonly table: Pick<Table, 'read' | 'readHost' | 'readBackup'>;
  readonly objects: Pick<TransferObjects, 'abort' | 'remove'>;
}

/** The half of a worker that waits for hosts that pack and unpack archives, and clears up after them. */
export function transferDriver(ports: TransferWorkerPorts): WorkerDriver<TransferStep, TransferFacts> {
  return {
    look: (seen) => lookAround(ports, seen),
    plan: planTransfer,
    refuse: planTransferRefusal,
    executors: executors(ports),
  };
}

async function lookAround({ table }: TransferWorkerPorts, seen: ChangeFacts): Promise<TransferFacts> {
  const { id, host: hostId, volumeId, backup: backupId } = seen.operation;
  const transfer = await table.read('transfer', keys.transfer(id));
  const task = await table.read('task', keys.task(id));
  const host = hostId === undefined ? undefined : await table.readHost(hostId);
  const importing = await table.read('importing', keys.importing(volumeId));
  const backup = backupId === undefined ? undefined : await table.readBackup(backupId);
  return { ...seen, transfer, task, host, backup, importing };
}

function executors({ objects }: TransferWorkerPorts): Executors<TransferStep, TransferFacts> {
  return {
    wait: { kind: 'record', change: (_, { seconds }) => look(seconds) },
    stop: { kind: 'record', change: (_, { outcome }) => ({ writes: [], outcome }) },
    abandon: { kind: 'record', change: (facts, { failure }) => fail(facts, failure, endOf(facts)) },
    removeArchive: {
      kind: 'effect',
      perform: (_, { transfer }) => removeArchive(objects, transfer),
    },
    finishTransfer: { kind: 'record', change: (facts) => succeed(facts, endOf(facts)) },
    failTransfer: { kind: 'record', change: (facts, { failure }) => fail(facts, failure, endOf(facts)) },
  };
}

/** No host is asked any more, the backup is not needed, and the volume takes other archives. */
function endOf({ task, importing, operation, backup }: TransferFacts): Write[] {
  const users = backup?.users.filter((user) => user !== operation.id);
  return [
    ...(task === undefined ? [] : [discard('hostTask', task)]),
    ...(backup === undefined || users === undefined || users.length === backup.users.length
      ? []
      : [replace('backup', backup, { ...backup, users })]),
    ...(importing?.operationId === operation.id ? [discard('importing', importing)] : []),
  ];
}
