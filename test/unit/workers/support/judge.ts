import type { BlockVolume } from '#shared/aws/ec2/block-storage.ts';
import { parseItem } from '#shared/aws/table/writes.ts';
import type { Item } from '#shared/aws/table/store.ts';
import type { VolumeItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { busyStates, tombstoneStates } from '#shared/model/states.ts';
import { tagKeys } from '#shared/model/tags.ts';
import { driverTraits } from '#shared/model/volume.ts';
import type { World } from './world.ts';

/** What must hold of records, EC2 and hosts once everything is at rest. Returns what does not. */
export async function judge(world: World): Promise<string[]> {
  const items = [...world.store.items.values()];
  const volumes = items.filter(of('volume')).map((item) => parseItem('volume', item));
  const real = [...world.storage.truth.volumes.values()].filter(({ state }) => state !== 'deleting');
  return [
    ...unfinished(items),
    ...(await Promise.all(volumes.map((volume) => judgeVolume(world, volume)))).flat(), // eslint-disable-line hivemind/no-unbounded-all -- a handful, in memory
    ...real.flatMap((block) => judgeBlock(block, real, volumes)),
    ...doubles(world),
    ...devices(items, volumes),
    ...backupsOf(world, items),
    ...items.filter(of('step')).map((item) => `a claim stays: ${String(item['step'])}`),
    ...world.storage.asked.map((pair) => `a detach was asked for while the host used the volume: ${pair}`),
  ];
}

const of =
  (entity: string) =>
  (item: Item): boolean =>
    item['entity'] === entity;

function unfinished(items: readonly Item[]): string[] {
  return items
    .filter(of('operation'))
    .map((item) => parseItem('operation', item))
    .filter(({ status }) => !isFinished(status))
    .map(({ kind, message }) => `an operation never ended: ${kind}, ${message}`);
}

async function judgeVolume(world: World, volume: VolumeItem): Promise<string[]> {
  const { state, driver, storage, hosts, operation, incoming, outgoing } = volume;
  const broken: string[] = [];
  if (busyStates.has(state)) broken.push(`a volume stays ${state}`);
  if (operation !== undefined) broken.push(`a volume that is ${state} still names an operation`);
  if (incoming !== undefined || outgoing !== undefined) broken.push(`an exchange of storage stays`);
  if (storage?.kind === 'efs' && state !== 'purged') {
    const there = world.points.listed.some(([id]) => id === storage.accessPointId);
    return there ? broken : [...broken, `the access point of a volume that is ${state} is lost`];
  }
  if (driverTraits[driver].storage === 'none') return broken;
  if (storage?.kind !== 'ebs') {
    const may = state === 'unplaced' || state === 'failed' || state === 'deleted' || state === 'purged';
    return may ? broken : [...broken, `a volume that is ${state} has no storage`];
  }
  const block = world.storage.truth.volumes.get(storage.volumeId);
  if (block === undefined) return [...broken, `the storage of a volume that is ${state} is lost`];
  const { lease, attachments } = await world.byId(volume.id);
  const where = block.attachments.map((item) => `${item.instanceId} ${item.state}`).join();
  if (state === 'attached') {
    if (where !== `${hosts[0]} attached`) broken.push(`attached to ${hosts.join()}, but EC2 says ${where}`);
    if (lease?.holder !== hosts[0])
      broken.push(`attached to ${hosts.join()}, but the lease is ${lease?.holder}'s`);
    if (attachments[0]?.epoch !== lease?.epoch)
      broken.push('an attachment under another epoch than the lease');
    if (attachments.length !== 1) broken.push(`attached with ${attachments.length} attachments`);
  } else {
    if (where !== '') broken.push(`a volume that is ${state} is attached: ${where}`);
    if (attachments.length > 0) broken.push(`a volume that is ${state} has attachments`);
    if (lease?.holder !== undefined || lease?.inUse === true)
      broken.push(`a volume that is ${state} has a holder`);
  }
  return broken;
}

/** Every EC2 volume belongs to a record; but those that EC2 could not make stay, as nothing in a create deletes. */
function judgeBlock(
  block: BlockVolume,
  real: readonly BlockVolume[],
  volumes: readonly VolumeItem[],
): string[] {
  if (block.state === 'error') return [];
  const id = block.tags[tagKeys.volumeId];
  const record = volumes.find((volume) => volume.id === id);
  if (record === undefined || tombstoneStates.has(record.state) === (record.state === 'purged')) {
    if (record === undefined || record.state === 'purged')
      return [`leaked: ${block.id} of ${id ?? 'nobody'}`];
  }
  const others = real.filter((other) => other.tags[tagKeys.volumeId] === id && other.state !== 'error');
  return others.length > 1 ? [`doubled: ${others.map((other) => other.id).join()}`] : [];
}

/** Backups are complete or failed, nothing is left of their making, and each snapshot belongs to one. */
function backupsOf(world: World, items: readonly Item[]): string[] {
  const backups = items.filter(of('backup')).map((item) => parseItem('backup', item));
  const halves = backups.filter(({ state }) => state === 'creating' || state === 'deleting');
  const known = new Set(
    backups.map(({ storage }) => (storage?.kind === 'snapshot' ? storage.snapshotId : '')),
  );
  const strays = snapshotsOf(world)
    .map(({ id }) => id)
    .filter((id) => !known.has(id));
  return [
    ...halves.map(({ id, state }) => `the backup ${id} stays ${state}`),
    ...['backing', 'hostTask']
      .filter((entity) => items.some(of(entity)))
      .map((entity) => `a ${entity} stays`),
    ...strays.map((id) => `the snapshot ${id} is no backup's`),
  ];
}

/** Of every Region. */
const snapshotsOf = ({ storage, abroad }: World) =>
  [storage, abroad].flatMap(({ truth }) => [...truth.snapshots.values()]);

function doubles(world: World): string[] {
  const operations = snapshotsOf(world).map(({ tags }) => tags[tagKeys.operation]);
  const twice = operations.filter((id, at) => operations.indexOf(id) !== at);
  return twice.map((id) => `two snapshots of operation ${id}`);
}

function devices(items: readonly Item[], volumes: readonly VolumeItem[]): string[] {
  return items
    .filter(of('device'))
    .map((item) => parseItem('device', item))
    .filter(
      ({ volumeId, hostId }) => !volumes.some(({ id, hosts }) => id === volumeId && hosts.includes(hostId)),
    )
    .map(({ device, hostId }) => `${device} stays claimed on ${hostId}`);
}
