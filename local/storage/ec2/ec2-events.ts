import { randomUUID } from 'node:crypto';
import type { Cloud } from '../cloud.ts';
import type { Instance, Snapshot } from '../state/entities.ts';

interface VolumeEvent {
  readonly event: 'createVolume' | 'attachVolume' | 'detachVolume' | 'deleteVolume' | 'modifyVolume';
  readonly result: string;
  readonly cause?: string;
  readonly instanceId?: string;
}

/** "EBS Volume Notification", as EBS documents it. */
export function emitVolumeEvent(
  cloud: Cloud,
  volumeId: string,
  { event, result, cause = '', instanceId }: VolumeEvent,
): void {
  const volume = cloud.store.get('volumes', volumeId);
  if (!volume) return;
  const { account } = cloud.settings;
  const arn = `arn:aws:ec2:${volume.region}:${account}:volume/${volumeId}`;
  const instance =
    instanceId === undefined ? [] : [`arn:aws:ec2:${volume.region}:${account}:instance/${instanceId}`];
  cloud.events.emit({
    region: volume.region,
    detailType: 'EBS Volume Notification',
    resources: [arn, ...instance],
    detail: { result, cause, event, 'request-id': randomUUID() },
  });
}

/** "EBS Snapshot Notification". */
export function emitSnapshotEvent(cloud: Cloud, snapshot: Snapshot, result: 'succeeded' | 'failed'): void {
  const { account } = cloud.settings;
  const arn = `arn:aws:ec2::${snapshot.region}:snapshot/${snapshot.id}`;
  cloud.events.emit({
    region: snapshot.region,
    detailType: 'EBS Snapshot Notification',
    resources: [arn],
    detail: {
      event: snapshot.copiedFrom === undefined ? 'createSnapshot' : 'copySnapshot',
      result,
      cause: snapshot.stateMessage ?? '',
      'request-id': randomUUID(),
      snapshot_id: arn,
      source:
        snapshot.copiedFrom === undefined
          ? `arn:aws:ec2:${snapshot.region}:${account}:volume/${snapshot.volumeId}`
          : `arn:aws:ec2::${snapshot.copiedFrom}:snapshot`,
      startTime: snapshot.startTime,
      endTime: snapshot.completionTime ?? new Date().toISOString(),
    },
  });
}

/** "EC2 Instance State-change Notification". */
export function emitInstanceEvent(cloud: Cloud, instance: Instance): void {
  cloud.events.emit({
    region: instance.region,
    detailType: 'EC2 Instance State-change Notification',
    resources: [`arn:aws:ec2:${instance.region}:${cloud.settings.account}:instance/${instance.id}`],
    detail: { 'instance-id': instance.id, state: instance.state },
  });
}
