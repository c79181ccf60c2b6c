import type {
  CreateSnapshotRequest,
  DeleteSnapshotRequest,
  DescribeSnapshotsRequest,
  DescribeSnapshotsResult,
  Snapshot as Described,
} from '@aws-sdk/client-ec2';
import { type Call, type Cloud, delayOf, faultOf, newId, nowIso } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { Snapshot, Volume } from '../state/entities.ts';
import { emitSnapshotEvent } from './ec2-events.ts';
import { applyFilters, type FilterTable, tagFilters } from './filters.ts';
import { selectRecords, snapshotOf, volumeOf } from './lookup.ts';
import { pageOf } from './paging.ts';
import { tagsFor } from './tags.ts';

/** The bytes are those of the moment at which the call is answered; `pending` is only the time that the upload takes. */
export async function createSnapshot(
  cloud: Cloud,
  call: Call,
  input: CreateSnapshotRequest,
): Promise<Described> {
  const volume = volumeOf(cloud.store, call, input.VolumeId);
  if (volume.state !== 'available' && volume.state !== 'in-use') {
    throw new AwsError('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`);
  }
  checkRate(cloud, volume);
  const snapshot = cloud.store.put('snapshots', ...record(newSnapshot(call, volume, input)));
  await cloud.store.commit();
  await capture(cloud, snapshot, {
    lock: volume.id,
    image: cloud.disk.volume(volume.id),
    size: volume.size,
  });
  finishSnapshotLater(cloud, snapshot.id, delayOf(cloud, call, 'snapshot'));
  return describeSnapshot(call, snapshot);
}

/** A capture that fails leaves a snapshot that ends in `error`, as EBS's do. */
export async function capture(
  cloud: Cloud,
  { id }: Snapshot,
  from: { lock: string; image: string; size: number },
): Promise<void> {
  try {
    await cloud.work.locked(from.lock, () =>
      cloud.disk.reflink(from.image, cloud.disk.snapshot(id), from.size),
    );
    cloud.store.patch('snapshots', id, { captured: true });
    await cloud.store.commit();
  } catch (error) {
    cloud.log.error('A snapshot could not be captured', { snapshot: id, error: String(error) });
  }
}

export const record = (snapshot: Snapshot): [string, Snapshot] => [snapshot.id, snapshot];

/** EBS: one snapshot per volume in 15 s, and five at once. */
function checkRate(cloud: Cloud, { id }: Volume): void {
  const { snapshotSpacingMs, snapshotsPerVolume } = cloud.settings.limits;
  const own = cloud.store
    .list('snapshots')
    .filter(({ volumeId, copiedFrom }) => volumeId === id && copiedFrom === undefined);
  if (own.some(({ startTime }) => Date.now() - Date.parse(startTime) < snapshotSpacingMs)) {
    throw new AwsError(
      'SnapshotCreationPerVolumeRateExceeded',
      `The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep interval between requests.`,
    );
  }
  if (own.filter(({ state }) => state === 'pending').length >= snapshotsPerVolume) {
    throw new AwsError(
      'ConcurrentSnapshotLimitExceeded',
      `Maximum allowed in-progress snapshots for a single volume exceeded.`,
    );
  }
}

function newSnapshot(call: Call, volume: Volume, input: CreateSnapshotRequest): Snapshot {
  return {
    id: newId('snap'),
    region: call.region,
    tags: tagsFor('snapshot', input.TagSpecifications),
    volumeId: volume.id,
    volumeSize: volume.size,
    startTime: nowIso(),
    state: 'pending',
    description: input.Description ?? '',
    encrypted: volume.encrypted,
    kmsKeyId: volume.kmsKeyId,
    captured: false,
    ...(faultOf(call, 'snapshot-error') ? { fate: 'error' as const } : {}),
  };
}

/** From `pending` to `completed`; one whose bytes a crash kept from being captured becomes an `error`. */
export function finishSnapshotLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(id, delayMs, async () => {
    const snapshot = cloud.store.get('snapshots', id);
    if (snapshot?.state !== 'pending') return;
    const failed = snapshot.fate === 'error' || !snapshot.captured;
    const end = failed
      ? { state: 'error' as const, stateMessage: 'The snapshot could not be completed' }
      : { state: 'completed' as const, completionTime: nowIso() };
    const done = cloud.store.patch('snapshots', id, end);
    if (done) emitSnapshotEvent(cloud, done, failed ? 'failed' : 'succeeded');
    await cloud.store.commit();
  });
}

export async function deleteSnapshot(cloud: Cloud, call: Call, input: DeleteSnapshotRequest): Promise<void> {
  const { id } = snapshotOf(cloud.store, call, input.SnapshotId);
  const user = cloud.store
    .list('volumes')
    .find(({ snapshotId, state }) => snapshotId === id && state === 'creating');
  // The volume that is being made from it still reads it.
  if (user)
    throw new AwsError('InvalidSnapshot.InUse', `The snapshot ${id} is currently in use by ${user.id}`);
  cloud.store.delete('snapshots', id);
  await cloud.store.commit();
  await cloud.work.locked(id, () => cloud.disk.removeImage(cloud.disk.snapshot(id)));
}

const filters: FilterTable<Snapshot> = {
  ...tagFilters<Snapshot>(),
  description: ({ description }) => [description],
  encrypted: ({ encrypted }) => [String(encrypted)],
  'owner-id': () => [],
  progress: (snapshot) => [progressOf(snapshot)],
  'snapshot-id': ({ id }) => [id],
  'start-time': ({ startTime }) => [startTime],
  status: ({ state }) => [state],
  'storage-tier': () => ['standard'],
  'volume-id': ({ volumeId }) => [volumeId],
  'volume-size': ({ volumeSize }) => [String(volumeSize)],
};

export async function describeSnapshots(
  cloud: Cloud,
  call: Call,
  input: DescribeSnapshotsRequest,
): Promise<DescribeSnapshotsResult> {
  const strangers =
    input.OwnerIds && !input.OwnerIds.some((owner) => owner === 'self' || owner === call.account);
  const records = selectRecords(call.view, call, { kind: 'snapshots', ids: input.SnapshotIds });
  const table = { ...filters, 'owner-id': () => [call.account] };
  const found = strangers ? [] : applyFilters(table, records, input.Filters);
  const { items, next } = pageOf(cloud, call, {
    items: found,
    input,
    key: ({ startTime, id }) => startTime + id,
    ids: input.SnapshotIds,
  });
  return await Promise.resolve({ Snapshots: items.map((one) => describeSnapshot(call, one)), ...next });
}

const progressOf = ({ state }: Snapshot): string => (state === 'completed' ? '100%' : '0%');

function describeSnapshot(call: Call, snapshot: Snapshot): Described {
  return {
    SnapshotId: snapshot.id,
    VolumeId: snapshot.volumeId,
    VolumeSize: snapshot.volumeSize,
    State: snapshot.state,
    StateMessage: snapshot.stateMessage,
    StartTime: new Date(snapshot.startTime),
    CompletionTime: snapshot.completionTime === undefined ? undefined : new Date(snapshot.completionTime),
    Progress: progressOf(snapshot),
    OwnerId: call.account,
    Description: snapshot.description,
    Encrypted: snapshot.encrypted,
    KmsKeyId: snapshot.kmsKeyId,
    StorageTier: 'standard',
    Tags: [...snapshot.tags],
  };
}
