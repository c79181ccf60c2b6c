import type { RecoveryPoints } from '#shared/aws/backup/recovery-points.ts';
import type { TransferObjects } from '#shared/aws/archive/transfer-objects.ts';
import type { AccessPoints } from '#shared/aws/efs/access-points.ts';
import { keys, partitions } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import type { ChangeFacts } from '../change.ts';
import { planEfs, planEfsRefusal, type EfsFacts, type EfsStep } from '../planner-efs.ts';
import type { WorkerDriver } from '../runner.ts';
import { lookAtDrill } from './look-at-drill.ts';
import { lookAtRead } from './look-at-read.ts';
import { lookAtRestore } from './look-at-restore.ts';
import { efsExecutors } from './executors.ts';

export interface EfsPorts {
  readonly table: Pick<
    Table,
    'list' | 'read' | 'readMany' | 'readOperation' | 'hasBackups' | 'readBackup' | 'readHost'
  >;
  readonly points: AccessPoints;
  readonly recovery: RecoveryPoints;
  readonly objects: Pick<TransferObjects, 'abort' | 'remove'>;
  readonly undoWindowHours: number;
}

/** A host that has not reported for so long (milliseconds) is not asked to empty a directory. */
const freshFor = 5 * 60_000;
/** Hosts of a namespace that are looked through for one that can empty a directory. */
const hostsLooked = 200;

/** The EFS half of a worker; it also serves what many hosts may use and AWS stores nothing for. */
export function efsDriver(ports: EfsPorts): WorkerDriver<EfsStep, EfsFacts> {
  return {
    look: (seen) => lookAround(ports, seen),
    plan: planEfs,
    refuse: planEfsRefusal,
    executors: efsExecutors(ports),
  };
}

async function lookAround(ports: EfsPorts, seen: ChangeFacts): Promise<EfsFacts> {
  const { state, incoming } = seen.record.volume;
  const isMade = state === 'creating' || state === 'restoring';
  const storage = state === 'restoring' ? incoming?.storage : seen.record.volume.storage;
  const creating = storage?.kind === 'efs' && isMade;
  const point = creating ? await ports.points.find(storage.accessPointId) : undefined;
  const restore = isMade ? await lookAtRestore(ports, seen) : undefined;
  const asks = state === 'purging' || restore?.job?.state === 'completed';
  const emptiers = asks ? await findEmptiers(ports, seen) : [];
  const hasBackups = state === 'purging' && (await ports.table.hasBackups(seen.record.volume.id));
  const remnants = state === 'purging' ? await findRemnants(ports, seen) : [];
  const powerless = await findPowerless(ports, seen);
  const scratch = await lookAtDrill(ports.table, seen);
  const reading = await lookAtRead(ports.table, seen);
  const { undoWindowHours } = ports;
  const parts = { restore, scratch, reading, undoWindowHours };
  return { ...seen, point, emptiers, remnants, powerless, hasBackups, ...parts };
}

/** Hosts of the namespace that run, have the driver and reported lately; the latest first. */
async function findEmptiers({ table }: EfsPorts, { record, now }: ChangeFacts): Promise<string[]> {
  const { items } = await table.list('hostIndex', {
    pk: partitions.hosts(record.volume.namespace),
    limit: hostsLooked,
  });
  const ids = items.map(({ hostId }) => hostId);
  const hosts = await table.readMany('host', ids.map(keys.host));
  const seen = await table.readMany('seen', ids.map(keys.seen));
  const lastSeen = new Map(seen.map(({ hostId, at }) => [hostId, Date.parse(at)]));
  const at = (id: string): number => lastSeen.get(id) ?? 0;
  return hosts
    .filter(({ id, drivers, instanceState }) => {
      return drivers.includes('efs') && instanceState === 'running' && now.getTime() - at(id) < freshFor;
    })
    .map(({ id }) => id)
    .sort((a, b) => at(b) - at(a));
}

/** A report that came so soon after a detach (milliseconds) may be from before it. */
const reportMayLag = 60_000;

/** Of the hosts that it was taken from by force, those that have neither said since that they let go, nor ended. */
async function findRemnants({ table }: EfsPorts, { record: { volume } }: ChangeFacts): Promise<string[]> {
  const forced = volume.forcedOff ?? [];
  const ids = forced.map(({ hostId }) => hostId);
  const hosts = await table.readMany('host', ids.map(keys.host));
  const seen = await table.readMany('seen', ids.map(keys.seen));
  const hasEnded = (id: string): boolean =>
    hosts.some((host) => host.id === id && ended.has(host.instanceState));
  const hasLetGo = (id: string, at: string): boolean =>
    seen.some((said) => {
      const later = Date.parse(said.at) > Date.parse(at) + reportMayLag;
      return said.hostId === id && later && said.strays?.includes(volume.id) !== true;
    });
  return forced
    .filter(({ hostId, at }) => !hasEnded(hostId) && !hasLetGo(hostId, at))
    .map(({ hostId }) => hostId);
}

const ended: ReadonlySet<string> = new Set(['stopped', 'terminated']);

/** Of the hosts that use it, those that EC2 said are stopped or terminated. */
export async function findPowerless(
  { table }: { readonly table: Pick<Table, 'readMany'> },
  { record }: ChangeFacts,
): Promise<Set<string>> {
  const users = record.attachments.filter(({ inUse }) => inUse).map(({ hostId }) => hostId);
  const hosts = await table.readMany('host', users.map(keys.host));
  return new Set(hosts.filter(({ instanceState }) => ended.has(instanceState)).map(({ id }) => id));
}
