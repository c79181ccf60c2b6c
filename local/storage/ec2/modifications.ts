import type {
  DescribeVolumesModificationsRequest,
  DescribeVolumesModificationsResult,
  DescribeVolumeStatusRequest,
  DescribeVolumeStatusResult,
  ModifyVolumeRequest,
  ModifyVolumeResult,
  VolumeModification,
} from '@aws-sdk/client-ec2';
import { gib } from '../bytes/disk.ts';
import { growLoop, shownBytes } from '../bytes/loops.ts';
import { type Call, type Cloud, delayOf, nowIso } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { Modification, Volume, VolumeShape } from '../state/entities.ts';
import { emitVolumeEvent } from './ec2-events.ts';
import { applyFilters, type FilterTable } from './filters.ts';
import { checkId, selectRecords, volumeOf } from './lookup.ts';
import { pageOf } from './paging.ts';
import { volumeShape } from './volume-shape.ts';

const dayMs = 24 * 3600 * 1000;

export async function modifyVolume(
  cloud: Cloud,
  call: Call,
  input: ModifyVolumeRequest,
): Promise<ModifyVolumeResult> {
  const volume = volumeOf(cloud.store, call, input.VolumeId);
  const before = cloud.store.get('modifications', volume.id);
  const target = targetOf(volume, input);
  const starts = budget(cloud, { volume, before });
  const { size, type, iops, throughput } = volume;
  const modification = cloud.store.put('modifications', volume.id, {
    volumeId: volume.id,
    region: volume.region,
    state: 'modifying',
    original: { size, type, iops, throughput },
    target,
    startTime: nowIso(),
    starts: [...starts, nowIso()],
  });
  await cloud.store.commit();
  finishModifyLater(cloud, volume.id, delayOf(cloud, call, 'modify'));
  return { VolumeModification: describe(modification) };
}

function targetOf(volume: Volume, input: ModifyVolumeRequest): VolumeShape {
  if (volume.state !== 'available' && volume.state !== 'in-use') {
    throw new AwsError('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`);
  }
  if (input.MultiAttachEnabled)
    throw new AwsError('UnsupportedOperation', 'Multi-Attach is not offered by this storage service');
  const size = input.Size ?? volume.size;
  if (size < volume.size)
    throw new AwsError('InvalidParameterValue', `New size cannot be smaller than existing size`);
  const type = input.VolumeType ?? volume.type;
  // What the new type does not have is dropped; what it has and is not asked for stays.
  const kept = type === volume.type && type !== 'gp2' ? volume : { iops: undefined, throughput: undefined };
  return volumeShape({
    type,
    size,
    iops: input.Iops ?? kept.iops,
    throughput: input.Throughput ?? kept.throughput,
  });
}

/** EBS: four modifications in any 24 h, one at a time. Gives the starts that still count. */
function budget(
  cloud: Cloud,
  { volume, before }: { volume: Volume; before: Modification | undefined },
): readonly string[] {
  if (before?.state === 'modifying' || before?.state === 'optimizing') {
    throw new AwsError(
      'IncorrectModificationState',
      `Volume ${volume.id} currently in modification state: ${before.state.toUpperCase()}`,
    );
  }
  const counting = (before?.starts ?? []).filter((start) => Date.now() - Date.parse(start) < dayMs);
  if (counting.length >= cloud.settings.limits.modificationsPerDay) {
    throw new AwsError(
      'VolumeModificationRateExceeded',
      `You've reached the maximum modification rate per volume limit. Wait at least 24 hours after the first of the last ${counting.length} modifications.`,
    );
  }
  return counting;
}

/** `modifying` ends with the new shape in force, `optimizing` with nothing more. */
export function finishModifyLater(cloud: Cloud, id: string, delayMs: number): void {
  cloud.work.later(id, delayMs, async () => {
    const modification = cloud.store.get('modifications', id);
    if (modification?.state === 'optimizing') {
      cloud.store.patch('modifications', id, { state: 'completed', endTime: nowIso() });
      emitVolumeEvent(cloud, id, { event: 'modifyVolume', result: 'completed' });
    }
    if (modification?.state === 'modifying') {
      await grow(cloud, id, modification.target.size);
      cloud.store.patch('volumes', id, modification.target);
      cloud.store.patch('modifications', id, { state: 'optimizing' });
      emitVolumeEvent(cloud, id, { event: 'modifyVolume', result: 'optimizing' });
      finishModifyLater(cloud, id, cloud.settings.latency.optimize);
    }
    await cloud.store.commit();
  });
}

async function grow(cloud: Cloud, id: string, size: number): Promise<void> {
  const before = cloud.store.get('volumes', id)?.size ?? size;
  const loop = cloud.store.get('attachments', id)?.loop;
  // After a crash the holder may have written there already.
  if (loop && (await shownBytes(loop)) >= size * gib) return;
  await cloud.disk.growImage(cloud.disk.volume(id), before, size);
  if (loop) await growLoop(loop, size * gib);
}

const filters: FilterTable<Modification> = {
  'modification-state': ({ state }) => [state],
  'original-size': ({ original }) => [String(original.size)],
  'original-volume-type': ({ original }) => [original.type],
  'original-iops': ({ original }) => [String(original.iops ?? '')],
  'start-time': ({ startTime }) => [startTime],
  'target-size': ({ target }) => [String(target.size)],
  'target-volume-type': ({ target }) => [target.type],
  'target-iops': ({ target }) => [String(target.iops ?? '')],
  'volume-id': ({ volumeId }) => [volumeId],
};

export async function describeVolumesModifications(
  cloud: Cloud,
  call: Call,
  input: DescribeVolumesModificationsRequest,
): Promise<DescribeVolumesModificationsResult> {
  const ids = input.VolumeIds ?? [];
  for (const id of ids) checkId('volumes', id);
  const known = call.view
    .list('modifications')
    .filter(({ region, volumeId }) => region === call.region && (ids.length === 0 || ids.includes(volumeId)));
  const lost = ids.find((id) => !known.some(({ volumeId }) => volumeId === id));
  if (lost !== undefined)
    throw new AwsError(
      'InvalidVolumeModification.NotFound',
      `Modification for volume '${lost}' does not exist.`,
    );
  const found = applyFilters(filters, known, input.Filters);
  const { items, next } = pageOf(cloud, call, {
    items: found,
    input,
    key: ({ volumeId }) => volumeId,
    least: 1,
    most: 500,
  });
  return await Promise.resolve({ VolumesModifications: items.map(describe), ...next });
}

function describe({
  volumeId,
  state,
  original,
  target,
  startTime,
  endTime,
}: Modification): VolumeModification {
  return {
    VolumeId: volumeId,
    ModificationState: state,
    OriginalSize: original.size,
    OriginalVolumeType: original.type,
    OriginalIops: original.iops,
    OriginalThroughput: original.throughput,
    OriginalMultiAttachEnabled: false,
    TargetSize: target.size,
    TargetVolumeType: target.type,
    TargetIops: target.iops,
    TargetThroughput: target.throughput,
    TargetMultiAttachEnabled: false,
    Progress: state === 'completed' ? 100 : state === 'optimizing' ? 50 : 0,
    StartTime: new Date(startTime),
    EndTime: endTime === undefined ? undefined : new Date(endTime),
  };
}

const statusFilters: FilterTable<Volume> = {
  'availability-zone': ({ zone }) => [zone],
  'volume-status.status': () => ['ok'],
  'volume-status.details-name': () => ['io-enabled', 'io-performance'],
  'volume-status.details-status': () => ['passed', 'not-applicable'],
};

export async function describeVolumeStatus(
  cloud: Cloud,
  call: Call,
  input: DescribeVolumeStatusRequest,
): Promise<DescribeVolumeStatusResult> {
  const volumes = selectRecords(call.view, call, { kind: 'volumes', ids: input.VolumeIds });
  const found = applyFilters(statusFilters, volumes, input.Filters);
  const { items, next } = pageOf(cloud, call, {
    items: found,
    input,
    key: ({ id }) => id,
    ids: input.VolumeIds,
  });
  return await Promise.resolve({
    VolumeStatuses: items.map(({ id, zone }) => ({
      VolumeId: id,
      AvailabilityZone: zone,
      Actions: [],
      Events: [],
      VolumeStatus: {
        Status: 'ok' as const,
        Details: [
          { Name: 'io-enabled' as const, Status: 'passed' },
          { Name: 'io-performance' as const, Status: 'not-applicable' },
        ],
      },
    })),
    ...next,
  });
}
