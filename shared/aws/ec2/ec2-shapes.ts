import type {
  Snapshot as Ec2Snapshot,
  Tag,
  Volume as Ec2Volume,
  VolumeAttachment as Ec2Attachment,
} from '@aws-sdk/client-ec2';
import {
  blockAttachmentStates,
  blockVolumeStates,
  type BlockAttachment,
  type BlockVolume,
  type Snapshot,
} from './block-storage.ts';

/** A state that EC2 may add one day is read as the one in which we do nothing but look again. */
function stateOf<S extends string>(known: readonly S[], state: string | undefined, otherwise: S): S {
  return known.find((name) => name === state) ?? otherwise;
}

export function toBlockVolume(volume: Ec2Volume): BlockVolume {
  return {
    id: volume.VolumeId ?? '',
    state: stateOf(blockVolumeStates, volume.State, 'creating'),
    sizeGiB: volume.Size ?? 0,
    volumeType: volume.VolumeType ?? '',
    availabilityZone: volume.AvailabilityZone ?? '',
    tags: tagsOf(volume.Tags),
    attachments: (volume.Attachments ?? []).filter(({ State }) => State !== 'detached').map(toAttachment),
    createdAt: volume.CreateTime,
  };
}

function toAttachment(attachment: Ec2Attachment): BlockAttachment {
  return {
    instanceId: attachment.InstanceId ?? '',
    device: attachment.Device ?? '',
    state: stateOf(blockAttachmentStates, attachment.State, 'busy'),
    since: attachment.AttachTime,
  };
}

export function toSnapshot(snapshot: Ec2Snapshot): Snapshot {
  return {
    id: snapshot.SnapshotId ?? '',
    volumeId: snapshot.VolumeId ?? '',
    state: stateOf(['pending', 'completed', 'error'], snapshot.State, 'pending'),
    ...(snapshot.StateMessage ? { reason: snapshot.StateMessage } : {}),
    progress: Number.parseInt(snapshot.Progress ?? '0', 10) || 0,
    startedAt: snapshot.StartTime,
    tags: tagsOf(snapshot.Tags),
  };
}

export function tagsOf(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries(
    (tags ?? []).flatMap(({ Key, Value }) => (Key === undefined ? [] : [[Key, Value ?? '']])),
  );
}
