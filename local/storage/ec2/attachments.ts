import type { AttachVolumeRequest, DetachVolumeRequest, VolumeAttachment } from '@aws-sdk/client-ec2';
import { type Call, type Cloud, delayOf, faultOf, nowIso } from '../cloud.ts';
import { AwsError } from '../errors.ts';
import type { Attachment, Instance, Volume } from '../state/entities.ts';
import { attachmentLimit } from './catalog.ts';
import { fenceDevice, openDevice, releaseDevice } from './devices.ts';
import { emitVolumeEvent } from './ec2-events.ts';
import { instanceOf, volumeOf } from './lookup.ts';

export async function attachVolume(
  cloud: Cloud,
  call: Call,
  input: AttachVolumeRequest,
): Promise<VolumeAttachment> {
  const volume = volumeOf(cloud.store, call, input.VolumeId);
  const instance = instanceOf(cloud.store, call, input.InstanceId);
  const device = input.Device ?? '';
  checkAttach(cloud, volume, instance);
  checkDeviceName(cloud, instance, device);
  const attachment = cloud.store.put('attachments', volume.id, {
    volumeId: volume.id,
    instanceId: instance.id,
    device,
    state: 'attaching',
    attachTime: nowIso(),
    deleteOnTermination: false,
    ...(faultOf(call, 'stuck-attach') ? { stuck: true } : {}),
  });
  cloud.store.put('volumes', volume.id, { ...volume, state: 'in-use' });
  await cloud.store.commit();
  if (!attachment.stuck) finishAttachLater(cloud, volume.id, delayOf(cloud, call, 'attach'));
  return describeAttachment(attachment);
}

function checkAttach(cloud: Cloud, volume: Volume, instance: Instance): void {
  if (instance.state !== 'running' && instance.state !== 'stopped') {
    throw new AwsError(
      'IncorrectState',
      `Instance '${instance.id}' is not 'running' or 'stopped'; it is '${instance.state}'.`,
    );
  }
  if (cloud.store.get('attachments', volume.id))
    throw new AwsError('VolumeInUse', `${volume.id} is already attached to an instance`);
  if (volume.state !== 'available')
    throw new AwsError(
      'IncorrectState',
      `Volume '${volume.id}' is not 'available'; it is '${volume.state}'.`,
    );
  if (volume.zone !== instance.zone) {
    throw new AwsError(
      'InvalidVolume.ZoneMismatch',
      `The volume '${volume.id}' is not in the same availability zone as instance '${instance.id}'`,
    );
  }
  const limit = attachmentLimit(instance.type);
  // The root volume, which this service does not keep, takes one slot.
  if (attachmentsOf(cloud, instance.id).length + 1 >= limit) {
    throw new AwsError(
      'AttachmentLimitExceeded',
      `Instance '${instance.id}' of type ${instance.type} already has its maximum of ${limit} attachments`,
    );
  }
}

const deviceNames = /^(\/dev\/)?(sd[b-z]|xvd[a-z]|xvd[b-d][a-z]|sd[b-z][1-9]|sd[b-z]1[0-5])$/;

function checkDeviceName(cloud: Cloud, instance: Instance, device: string): void {
  if (!deviceNames.test(device)) {
    throw new AwsError(
      'InvalidParameterValue',
      `Value (${device}) for parameter device is invalid. ${device} is not a valid EBS device name.`,
    );
  }
  const taken = [
    ...attachmentsOf(cloud, instance.id).map((attachment) => attachment.device),
    ...instance.burntNames,
    rootDevice,
  ];
  if (taken.includes(device)) {
    throw new AwsError(
      'InvalidParameterValue',
      `Invalid value '${device}' for unixDevice. Attachment point ${device} is already in use`,
    );
  }
}

export const rootDevice = '/dev/xvda';

export function attachmentsOf(cloud: Cloud, instanceId: string): readonly Attachment[] {
  return cloud.store.list('attachments').filter((attachment) => attachment.instanceId === instanceId);
}

/** The step from `attaching` to `attached`: the device shows on the host, if the host has power. */
export function finishAttachLater(cloud: Cloud, volumeId: string, delayMs: number): void {
  cloud.work.later(volumeId, delayMs, async () => {
    const attachment = cloud.store.get('attachments', volumeId);
    if (attachment?.state !== 'attaching' || attachment.stuck) return;
    const instance = cloud.store.get('instances', attachment.instanceId);
    if (instance && hasPower(instance)) await openDevice(cloud, volumeId);
    // A detach may have come meanwhile; it finds the device in the record.
    const now = cloud.store.get('attachments', volumeId);
    if (now?.state === 'attaching') {
      cloud.store.put('attachments', volumeId, { ...now, state: 'attached' });
      emitVolumeEvent(cloud, volumeId, {
        event: 'attachVolume',
        result: 'attached',
        instanceId: now.instanceId,
      });
    }
    await cloud.store.commit();
  });
}

/** Whether an attached device shows on the host now. */
export function hasPower({ state, booting, crashed }: Instance): boolean {
  return (state === 'running' || (state === 'pending' && booting === true)) && !crashed;
}

export async function detachVolume(
  cloud: Cloud,
  call: Call,
  input: DetachVolumeRequest,
): Promise<VolumeAttachment> {
  const volume = volumeOf(cloud.store, call, input.VolumeId);
  const attachment = cloud.store.get('attachments', volume.id);
  if (input.InstanceId !== undefined) instanceOf(cloud.store, call, input.InstanceId);
  if (!attachment)
    throw new AwsError('IncorrectState', `Volume '${volume.id}' is in the '${volume.state}' state.`);
  checkNames(attachment, input);
  const force = input.Force === true;
  const leaving = attachment.state === 'detaching' || attachment.state === 'busy';
  if (leaving && (!force || attachment.force)) return describeAttachment(attachment);
  const next = cloud.store.put('attachments', volume.id, {
    ...attachment,
    state: 'detaching',
    ...(force ? { force } : {}),
  });
  if (attachment.stuck) burnName(cloud, attachment);
  await cloud.store.commit();
  finishDetachLater(cloud, volume.id, delayOf(cloud, call, 'detach'));
  return describeAttachment(next);
}

function checkNames(attachment: Attachment, input: DetachVolumeRequest): void {
  if (input.InstanceId !== undefined && input.InstanceId !== attachment.instanceId) {
    throw new AwsError(
      'InvalidAttachment.NotFound',
      `The volume '${attachment.volumeId}' is not attached to instance '${input.InstanceId}'.`,
    );
  }
  if (input.Device !== undefined && input.Device !== attachment.device) {
    throw new AwsError(
      'InvalidAttachment.NotFound',
      `The volume '${attachment.volumeId}' is not attached to instance '${attachment.instanceId}' as device '${input.Device}'.`,
    );
  }
}

/** The name of an attach that hung stays taken until the instance stops. */
function burnName(cloud: Cloud, { instanceId, device }: Attachment): void {
  const instance = cloud.store.get('instances', instanceId);
  if (instance)
    cloud.store.put('instances', instanceId, { ...instance, burntNames: [...instance.burntNames, device] });
}

/** The way from `detaching` over `busy`, for as long as the host holds the device, to `available`. */
export function finishDetachLater(cloud: Cloud, volumeId: string, delayMs: number): void {
  cloud.work.later(volumeId, delayMs, async () => {
    const attachment = cloud.store.get('attachments', volumeId);
    if (attachment?.state !== 'detaching' && attachment?.state !== 'busy') return;
    if (attachment.force) await fenceDevice(cloud, volumeId);
    if (await releaseDevice(cloud, volumeId)) return await completeDetach(cloud, volumeId);
    const now = cloud.store.get('attachments', volumeId);
    if (now?.state === 'detaching' && !now.force) {
      cloud.store.put('attachments', volumeId, { ...now, state: 'busy' });
      await cloud.store.commit();
    }
    finishDetachLater(cloud, volumeId, cloud.settings.latency.busyPoll);
  });
}

/** The attachment ends and the volume is free. Its device must be gone or fenced. */
export async function completeDetach(cloud: Cloud, volumeId: string): Promise<void> {
  const attachment = cloud.store.get('attachments', volumeId);
  cloud.store.delete('attachments', volumeId);
  cloud.store.patch('volumes', volumeId, { state: 'available' });
  emitVolumeEvent(cloud, volumeId, {
    event: 'detachVolume',
    result: 'detached',
    ...(attachment ? { instanceId: attachment.instanceId } : {}),
  });
  await cloud.store.commit();
}

export function describeAttachment(attachment: Attachment): VolumeAttachment {
  return {
    VolumeId: attachment.volumeId,
    InstanceId: attachment.instanceId,
    Device: attachment.device,
    State: attachment.state,
    AttachTime: new Date(attachment.attachTime),
    DeleteOnTermination: attachment.deleteOnTermination,
  };
}
