import { keys } from '#shared/aws/table/keys.ts';
import { startOperation } from '#shared/aws/table/volume-writes.ts';
import { put, replace } from '#shared/aws/table/writes.ts';
import type { DrillBackup } from '#shared/model/drill.ts';
import { ProductError } from '#shared/model/errors.ts';
import type { BackupItem, MadeFrom, OperationItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import {
  chooseDrillHost,
  drilledOf,
  noDrillHost,
  type DrillFailure,
  type DrillHost,
} from '#shared/model/rules-drill.ts';
import { showOperation, type OperationAnswer } from '#functions/volumes/answer.ts';
import { commit, newOperation, priorOf } from '#functions/volumes/intent.ts';
import type { Call, Ports } from '#functions/volumes/ports.ts';
import { settle } from '#functions/volumes/settle.ts';
import { findBackup, priorOperation } from './answer.ts';
import { liveBackupUsers } from './backup-users.ts';
import { beginArchiveDrill } from './drill-archive.ts';
import { restorable } from './restore-backup.ts';
import { candidateHosts, clonable, scratchOf, scratchWrites } from './scratch.ts';

interface Request extends DrillBackup {
  readonly backup: string;
  /** Of a policy: it leaves slots of hosts to volumes. */
  readonly sparing?: boolean;
  /** Without a host nothing is written down: the caller tries again. */
  readonly waitsForHost?: boolean;
  /** Slots of hosts that drills under way take or are about to, by host. */
  readonly promised?: ReadonlyMap<string, number>;
}

/**
 * Begins to prove that a backup restores: to a scratch volume, which a host looks into; of files to a directory of the host's.
 * Without a host that can, the drill ends at once, as overdue.
 * @throws ProductError BackupNotFound; IllegalState of a backup that is not complete, or whose volume was never formatted;
 *   OperationInProgress while it is drilled; HostNotFound of the one that was asked for, or when the caller waits for one.
 */
export async function drillBackup(ports: Ports, call: Call, request: Request): Promise<OperationAnswer> {
  return settle(async () => {
    const prior = await priorOf(ports, call);
    if (prior !== undefined) return priorOperation(ports, prior);
    const backup = await findBackup(ports, call.namespace, request.backup);
    const madeFrom = drillable(ports, backup);
    const users = await liveBackupUsers(ports, backup);
    await refuseSecond(ports, backup, users);
    const host = await hostFor(ports, call, { backup, request });
    if (host === undefined && request.waitsForHost === true)
      throw refusalOf(noDrillHost(backup, request.host));
    if (host === undefined) return overdue(ports, call, { backup, request });
    if (backup.kind === 'archive') return beginArchiveDrill(ports, call, { backup, request, users });
    return begin(ports, call, { backup, request, users, host, madeFrom });
  });
}

function refusalOf({ code, detail, hint }: DrillFailure): ProductError {
  return new ProductError(code, detail, { hint });
}

/** @throws ProductError NotSupported of what has no drill; IllegalState of what is not complete, or never was formatted */
function drillable(ports: Ports, backup: BackupItem): MadeFrom {
  return backup.kind === 'snapshot'
    ? clonable(ports, backup, 'has no drill')
    : restorable(backup, ports.settings.region);
}

interface Wanted {
  readonly backup: BackupItem;
  readonly request: Request;
}

async function hostFor(
  ports: Ports,
  call: Call,
  { backup, request }: Wanted,
): Promise<DrillHost['host'] | undefined> {
  const { host, sparing = false, promised = new Map<string, number>() } = request;
  const hosts = await candidateHosts(ports, call, host);
  const taken = hosts.map((one) => ({ ...one, slotsUsed: one.slotsUsed + (promised.get(one.host.id) ?? 0) }));
  return chooseDrillHost(taken, backup, { now: ports.clock(), sparing });
}

/** One at a time: a second one would say nothing new. */
async function refuseSecond(ports: Ports, { id }: BackupItem, users: readonly string[]): Promise<void> {
  for (const user of users.filter((one) => one.startsWith('op-'))) {
    const operation = await ports.table.readOperation(user);
    if (operation?.kind !== 'drill' || isFinished(operation.status)) continue;
    throw new ProductError('OperationInProgress', `A drill of ${id} is under way.`, {
      value: id,
      about: { backup: id, operation: user },
      hint: 'Wait for it to end, then repeat the call.',
    });
  }
}

/** Nothing is made: the record says that it could not be tried. */
async function overdue(
  ports: Ports,
  call: Call,
  { backup, request }: { backup: BackupItem; request: Request },
): Promise<OperationAnswer> {
  const volume = await ports.table.read('volume', keys.volume(backup.volumeId));
  if (volume === undefined)
    throw new ProductError('Internal', `The volume record of backup ${backup.id} is gone.`, {
      value: backup.volumeId,
    });
  const failure = noDrillHost(backup, request.host);
  const parts = {
    kind: 'drill',
    driver: workerOf(backup),
    backup: backup.id,
    message: failure.detail,
  } as const;
  const begun = newOperation(ports, call, { volume, parts });
  const at = begun.createdAt;
  const operation: OperationItem = { ...begun, status: 'failed', error: failure, finishedAt: at };
  const { detail } = failure;
  const drill = { at, outcome: 'overdue', detail, operation: operation.id, seconds: 0 } as const;
  const writes = [
    replace('backup', backup, { ...backup, drill, updatedAt: at }),
    put('drilled', drilledOf(backup, drill)),
    ...startOperation(operation),
  ];
  await commit(ports, call, { writes, subject: backup.volumeId, status: 202 });
  return showOperation(operation);
}

const workers = { snapshot: 'ebs', 'recovery-point': 'efs', archive: 'backup' } as const;
const workerOf = ({ kind }: BackupItem) => workers[kind];

interface Beginning {
  readonly backup: BackupItem;
  readonly request: Request;
  readonly users: readonly string[];
  readonly host: DrillHost['host'];
  readonly madeFrom: MadeFrom;
}

async function begin(ports: Ports, call: Call, parts: Beginning): Promise<OperationAnswer> {
  const { backup, request, users, host } = parts;
  const volume = scratchOf(ports, call, { ...parts, use: 'drill' });
  const message = `Waiting to be restored from ${backup.id}`;
  const about = {
    kind: 'drill',
    driver: workerOf(backup),
    backup: backup.id,
    host: host.id,
    epoch: 1,
    message,
  } as const;
  const operation: OperationItem = {
    ...newOperation(ports, call, { volume, parts: about }),
    ...(request.check === undefined ? {} : { check: request.check }),
  };
  const used = { ...backup, users: [...users, operation.id], updatedAt: operation.createdAt };
  const writes = [
    ...scratchWrites({ ...volume, operation: operation.id }, { backup, host }),
    replace('backup', backup, used), // guard: drill-uses-backup
  ];
  await commit(ports, call, { writes, subject: volume.id, status: 202, operation });
  return showOperation(operation);
}
