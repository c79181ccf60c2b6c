import type { TaggedThing } from '#shared/aws/leftovers.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import { tagKeys } from '#shared/model/tags.ts';
import type { SweepPorts } from './ports.ts';

/** Its maker may not have written its name down yet. */
const grace = 15 * 60_000;

/**
 * Snapshots and access points with our tag that no record names: reported, and freed by a person only (contract 4). They cost
 * little and AWS lists them slowly, so they are looked at once an hour; undefined: not in this sweep.
 */
export async function findLeftovers(ports: SweepPorts): Promise<string[] | undefined> {
  const now = ports.clock();
  if (now.getUTCMinutes() !== 0) return undefined;
  const snapshots = await ports.inventory.snapshots();
  const old = snapshots.filter(({ createdAt }) => now.getTime() - (createdAt?.getTime() ?? 0) > grace);
  const points = await ports.inventory.accessPoints();
  const left = [...(await unknown(ports, old, isKept)), ...(await unknown(ports, points, isMounted))];
  for (const { id, tags } of left) {
    ports.log.warn('left in AWS without a record', { id, volumeId: tags[tagKeys.volumeId] });
  }
  return left.map(({ id }) => id);
}

async function unknown(
  { table }: SweepPorts,
  things: readonly TaggedThing[],
  isNamed: (record: VolumeRecord, thing: TaggedThing) => boolean,
): Promise<TaggedThing[]> {
  const left: TaggedThing[] = [];
  for (const thing of things) {
    const record = await table.readVolume(thing.tags[tagKeys.volumeId] ?? '');
    if (record === undefined || !isNamed(record, thing)) left.push(thing);
  }
  return left;
}

/** The final backup, or one that an operation which is under way has made. */
function isKept({ volume }: VolumeRecord, { id, tags }: TaggedThing): boolean {
  const { finalBackup, operation } = volume;
  return finalBackup === id || (operation !== undefined && tags[tagKeys.operation] === operation);
}

/** The volume's own or its purge's; while an operation is under way the record may not name it yet. */
function isMounted({ volume, purge }: VolumeRecord, { id }: TaggedThing): boolean {
  const { storage, operation } = volume;
  const own = storage?.kind === 'efs' && storage.accessPointId === id;
  return own || purge?.accessPointId === id || operation !== undefined;
}
