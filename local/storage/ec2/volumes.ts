import type {
  CreateVolumeRequest,
  DeleteVolumeRequest,
  DescribeVolumesRequest,
  DescribeVolumesResult,
  Volume as Described,
} from '@aws-sdk/client-ec2';
import { type Call, type Cloud, delayOf, faultOf, newId, nowIso } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { Snapshot, Volume } from '../state/entities.ts';
import type { View } from '../state/store.ts';
import { describeAttachment } from './attachments.ts';
import { zonesOf } from './catalog.ts';
import { emitVolumeEvent } from './ec2-events.ts';
import { applyFilters, type FilterTable, tagFilters } from './filters.ts';
import { encryptionOf } from './keys.ts';
import { selectRecords, snapshotOf, volumeOf } from './lookup.ts';
import { pageOf } from './paging.ts';
import { tagsFor } from './tags.ts';
import { earlier, remember } from './tokens.ts';
import { volumeShape } from './volume-shape.ts';

const action = 'CreateVolume';

export async function createVolume(cloud: Cloud, call: Call, input: CreateVolumeRequest): Promise<Described> {
  const before = earlier(cloud, call, { action, input });
  if (before) {
    const there = cloud.store.get('volumes', before.resourceId);
    return there ? describeVolume(cloud.store, there) : revive(before.answer);
  }
  const volume = newVolume(cloud, call, input);
  cloud.store.put('volumes', volume.id, volume);
  const answer = describeVolume(cloud.store, volume);
  remember(cloud, call, { action, input, resourceId: volume.id, answer });
  await cloud.store.commit();
  finishCreateLater(cloud, volume.id, delayOf(cloud, call, 'createVolume'));
  return answer;
}

/** A remembered answer went through JSON. */
function revive(answer: unknown): Described {
  const described = answer as Described & { CreateTime: string };
  return { ...described, CreateTime: new Date(described.CreateTime) };
}

function newVolume(cloud: Cloud, call: Call, input: CreateVolumeRequest): Volume {
  if (input.MultiAttachEnabled)
    throw new AwsError('UnsupportedOperation', 'Multi-Attach is not offered by this storage service');
  if (input.OutpostArn !== undefined)
    throw new AwsError('UnsupportedOperation', 'Outposts are not offered by this storage service');
  const zone = zoneFor(call, input);
  const snapshot =
    input.SnapshotId === undefined || input.SnapshotId === ''
      ? undefined
      : sourceOf(cloud, call, input.SnapshotId);
  const shape = volumeShape({
    type: input.VolumeType ?? 'gp2',
    size: sizeFor(input, snapshot),
    iops: input.Iops,
    throughput: input.Throughput,
  });
  const encryption = encryptionOf(call, { input, source: snapshot });
  const fate =
    (faultOf(call, 'drop-volume') ?? encryption.refused)
      ? 'dropped'
      : faultOf(call, 'volume-error')
        ? 'error'
        : undefined;
  return {
    id: newId('vol'),
    region: call.region,
    tags: tagsFor('volume', input.TagSpecifications),
    zone,
    ...shape,
    encrypted: encryption.encrypted,
    ...(encryption.keyArn === undefined ? {} : { kmsKeyId: encryption.keyArn }),
    ...(snapshot ? { snapshotId: snapshot.id } : {}),
    state: 'creating',
    createTime: nowIso(),
    ...(fate === undefined ? {} : { fate }),
  };
}

function zoneFor(
  call: Call,
  { AvailabilityZone: name, AvailabilityZoneId: id }: CreateVolumeRequest,
): string {
  if (name !== undefined && id !== undefined) {
    throw new AwsError(
      'InvalidParameterCombination',
      'Specify either AvailabilityZone or AvailabilityZoneId, not both',
    );
  }
  if (name === undefined && id === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter AvailabilityZone');
  const zone = zonesOf(call.region).find((one) => one.name === name || one.id === id);
  if (!zone) throw new AwsError('InvalidZone.NotFound', `The zone '${name ?? id ?? ''}' does not exist.`);
  return zone.name;
}

function sourceOf(cloud: Cloud, call: Call, id: string): Snapshot {
  const snapshot = snapshotOf(cloud.store, call, id);
  if (snapshot.state !== 'completed')
    throw new AwsError('IncorrectState', `Snapshot is in invalid state - ${snapshot.state}`);
  return snapshot;
}

function sizeFor({ Size: size }: CreateVolumeRequest, snapshot: Snapshot | undefined): number {
  const wanted = size ?? snapshot?.volumeSize;
  if (wanted === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter size or snapshotId');
  if (snapshot && wanted < snapshot.volumeSize) {
    throw new AwsError(
      'InvalidParameterValue',
      `Volume of ${wanted}GiB is smaller than snapshot '${snapshot.id}', expect size >= ${snapshot.volumeSize}GiB`,
    );
  }
  return wanted;
}

/** The step from `creating` to `available`, or to what a fault has in store. */
export function finishCreateLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(id, delayMs, async () => {
    const volume = cloud.store.get('volumes', id);
    if (volume?.state !== 'creating') return;
    if (volume.fate === 'dropped') cloud.store.delete('volumes', id);
    else if (volume.fate === 'error') cloud.store.patch('volumes', id, { state: 'error' });
    else {
      await makeImage(cloud, volume);
      cloud.store.patch('volumes', id, { state: 'available' });
      emitVolumeEvent(cloud, id, { event: 'createVolume', result: 'available' });
    }
    await cloud.store.commit();
  });
}

async function makeImage(cloud: Cloud, volume: Volume): Promise<void> {
  const image = cloud.disk.volume(volume.id);
  if (volume.snapshotId === undefined) return await cloud.disk.createImage(image, volume.size);
  const from = cloud.store.get('snapshots', volume.snapshotId)?.volumeSize ?? volume.size;
  await cloud.disk.reflink(cloud.disk.snapshot(volume.snapshotId), image, from);
  await cloud.disk.growImage(image, from, volume.size);
}

export async function deleteVolume(cloud: Cloud, call: Call, input: DeleteVolumeRequest): Promise<void> {
  const volume = volumeOf(cloud.store, call, input.VolumeId);
  const attachment = cloud.store.get('attachments', volume.id);
  if (attachment)
    throw new AwsError(
      'VolumeInUse',
      `Volume ${volume.id} is currently attached to ${attachment.instanceId}`,
    );
  if (volume.state === 'deleting')
    throw new AwsError('InvalidVolume.NotFound', `The volume '${volume.id}' does not exist.`);
  if (volume.state === 'creating')
    throw new AwsError('IncorrectState', `Volume '${volume.id}' is in the 'creating' state.`);
  cloud.store.put('volumes', volume.id, { ...volume, state: 'deleting' });
  await cloud.store.commit();
  finishDeleteLater(cloud, volume.id, delayOf(cloud, call, 'deleteVolume'));
}

/** The step from `deleting` to gone. */
export function finishDeleteLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(id, delayMs, async () => {
    if (cloud.store.get('volumes', id)?.state !== 'deleting') return;
    await cloud.disk.removeImage(cloud.disk.volume(id));
    emitVolumeEvent(cloud, id, { event: 'deleteVolume', result: 'deleted' });
    cloud.store.delete('volumes', id);
    cloud.store.delete('modifications', id);
    await cloud.store.commit();
  });
}

interface Row {
  readonly volume: Volume;
  readonly view: View;
  readonly tags: Volume['tags'];
}

const attachmentField =
  (field: 'instanceId' | 'device' | 'state' | 'attachTime' | 'deleteOnTermination') => (row: Row) => {
    const attachment = row.view.get('attachments', row.volume.id);
    return attachment ? [String(attachment[field])] : [];
  };

const filters: FilterTable<Row> = {
  ...tagFilters<Row>(),
  'attachment.attach-time': attachmentField('attachTime'),
  'attachment.delete-on-termination': attachmentField('deleteOnTermination'),
  'attachment.device': attachmentField('device'),
  'attachment.instance-id': attachmentField('instanceId'),
  'attachment.status': attachmentField('state'),
  'availability-zone': ({ volume }) => [volume.zone],
  'availability-zone-id': ({ volume }) =>
    zonesOf(volume.region).flatMap((zone) => (zone.name === volume.zone ? [zone.id] : [])),
  'create-time': ({ volume }) => [volume.createTime],
  encrypted: ({ volume }) => [String(volume.encrypted)],
  'fast-restored': () => ['false'],
  'multi-attach-enabled': () => ['false'],
  size: ({ volume }) => [String(volume.size)],
  'snapshot-id': ({ volume }) => [volume.snapshotId ?? ''],
  status: ({ volume }) => [volume.state],
  'volume-id': ({ volume }) => [volume.id],
  'volume-type': ({ volume }) => [volume.type],
};

export async function describeVolumes(
  cloud: Cloud,
  call: Call,
  input: DescribeVolumesRequest,
): Promise<DescribeVolumesResult> {
  const rows = selectRecords(call.view, call, { kind: 'volumes', ids: input.VolumeIds }).map(
    (volume): Row => ({ volume, view: call.view, tags: volume.tags }),
  );
  const found = applyFilters(filters, rows, input.Filters);
  const { items, next } = pageOf(cloud, call, {
    items: found,
    input,
    key: ({ volume }) => volume.createTime + volume.id,
    ids: input.VolumeIds,
  });
  return { Volumes: items.map(({ volume }) => describeVolume(call.view, volume)), ...next };
}

function describeVolume(view: View, volume: Volume): Described {
  const attachment = view.get('attachments', volume.id);
  return {
    VolumeId: volume.id,
    Size: volume.size,
    SnapshotId: volume.snapshotId ?? '',
    AvailabilityZone: volume.zone,
    AvailabilityZoneId: zonesOf(volume.region).find(({ name }) => name === volume.zone)?.id,
    State: volume.state,
    CreateTime: new Date(volume.createTime),
    Attachments: attachment ? [describeAttachment(attachment)] : [],
    Encrypted: volume.encrypted,
    KmsKeyId: volume.kmsKeyId,
    Iops: volume.iops,
    Throughput: volume.throughput,
    VolumeType: volume.type,
    MultiAttachEnabled: false,
    Tags: [...volume.tags],
  };
}
