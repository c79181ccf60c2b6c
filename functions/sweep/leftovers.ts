import type { TaggedThing } from '#shared/aws/leftovers.ts';
import { keys } from '#shared/aws/table/keys.ts';
import type { Table } from '#shared/aws/table/table.ts';
import { snapshotOfStorage } from '#shared/model/backup.ts';
import { isFinished } from '#shared/model/operation.ts';
import { tagKeys } from '#shared/model/tags.ts';
import { removeDoubles } from './doubles.ts';
import { findStrayPoints } from './points.ts';
import type { SweepPorts } from './ports.ts';

/** Its maker may not have written its name down yet. */
const grace = 15 * 60_000;

/**
 * Snapshots and access points with our tag, and recovery points in our vault, that no record names: reported, and freed by
 * a person only (contract 4); second snapshots of a backup are removed. They cost
 * little and AWS lists them slowly, so they are looked at once an hour; undefined: not in this sweep.
 */
export async function findLeftovers(
  ports: SweepPorts,
): Promise<{ readonly left: string[]; readonly doubles: string[] } | undefined> {
  const now = ports.clock();
  if (now.getUTCMinutes() !== 0) return undefined;
  const { inventory, table } = ports;
  const snapshots = [...(await inventory.snapshots()), ...(await copies(ports))].filter(
    ({ createdAt }) => now.getTime() - (createdAt?.getTime() ?? 0) > grace,
  );
  const doubles = await removeDoubles(ports, snapshots);
  const others = snapshots.filter(({ id }) => !doubles.includes(id));
  const left = [
    ...(await without(others, (snapshot) => isBackup(table, snapshot))),
    ...(await without(await inventory.accessPoints(), (point) => isMounted(table, point))),
    ...(await findStrayPoints(ports)),
  ];
  for (const { id, tags, region } of left) {
    ports.log.warn('left in AWS without a record', { id, region, volumeId: tags[tagKeys.volumeId] });
  }
  return { left: left.map(({ id }) => id), doubles };
}

/** Snapshots in the Regions that backups are copied to. One that does not answer keeps nobody from the others. */
async function copies({ inventory, settings, log }: SweepPorts): Promise<TaggedThing[]> {
  const found: TaggedThing[] = [];
  for (const region of settings.copyRegions) {
    try {
      found.push(...(await inventory.snapshots(region)));
    } catch (error) {
      log.warn('copies not looked at', { region, error });
    }
  }
  return found;
}

async function without(
  things: readonly TaggedThing[],
  isNamed: (thing: TaggedThing) => Promise<boolean>,
): Promise<TaggedThing[]> {
  const left: TaggedThing[] = [];
  for (const thing of things) if (!(await isNamed(thing))) left.push(thing);
  return left;
}

/** A backup's, or that of an operation which is under way and has not written it down yet. */
async function isBackup(table: Table, { id, tags }: TaggedThing): Promise<boolean> {
  const backup = await table.readBackup(tags[tagKeys.backup] ?? '');
  if (backup !== undefined) return snapshotOfStorage(backup.storage) === id || backup.operation !== undefined;
  const operation = await table.readOperation(tags[tagKeys.operation] ?? '');
  return operation !== undefined && !isFinished(operation.status);
}

/** The volume's own, one that a restore in place has left to a deleted volume, or its purge's; while an operation is under way the record may not name it yet. */
async function isMounted(table: Table, { id, tags }: TaggedThing): Promise<boolean> {
  const record = await table.readVolume(tags[tagKeys.volumeId] ?? '');
  if (record === undefined) return false;
  const { storage, operation, replaced = [] } = record.volume;
  const kept = await table.readMany('volume', replaced.map(keys.volume));
  const held = [storage, ...kept.map((volume) => volume.storage)];
  const own = held.some((each) => each?.kind === 'efs' && each.accessPointId === id);
  return own || record.purge?.accessPointId === id || operation !== undefined;
}
