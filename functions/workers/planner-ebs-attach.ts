import type { BlockAttachment } from '#shared/aws/ec2/block-storage.ts';
import type { HostRecord } from '#shared/aws/table/records.ts';
import { nextDevice } from './ebs/devices.ts';
import { planCreate } from './planner-ebs-create.ts';
import { planLeave } from './planner-ebs-detach.ts';
import {
  attachmentOn,
  holderIn,
  mayAppearYet,
  wait,
  type EbsFacts,
  type EbsStep,
} from './planner-ebs-steps.ts';
import { ageOf, minutes, type Failure } from './planner.ts';

/** An attach that hangs longer is detached and tried under another name. Source: EBS troubleshooting guide. */
const hangs = 90_000;
/** An attach that is not done by then is taken back. */
const patience = minutes(15);

/** The way to `attached`: create if unplaced, take from the former holder, claim a name, attach, look. */
export function planAttach(facts: EbsFacts): EbsStep {
  const { operation, record, now } = facts;
  if (record.volume.state === 'creating' || record.volume.storage === undefined) return planCreate(facts);
  if (staleEpoch(facts)) return takeBack(facts, moved); // guard: attach-epoch
  if (facts.block === undefined)
    return mayAppearYet(facts)
      ? wait(facts, 'Waiting for EC2 to show the volume')
      : takeBack(facts, vanished);
  if (ageOf(operation, now) > patience) return takeBack(facts, tooLong);
  const mine = attachmentOn(facts, operation.host ?? '');
  if (mine === undefined || isPast(facts)) return handOver(facts) ?? attach(facts);
  return onTarget(facts, mine);
}

/** The host had it before, and EC2's read lags: this operation has asked for no attachment yet. Believed after a minute. */
function isPast({ operation, record, target, now }: EbsFacts): boolean {
  const asked = operation.trail.some((mark) => mark.startsWith('attachVolume'));
  const claimed = target !== undefined && claimedDevice(target, record.volume.id) !== undefined;
  return !asked && !claimed && ageOf(operation, now) < minutes(1);
}

function staleEpoch({ operation, record }: EbsFacts): boolean {
  return record.lease?.epoch !== operation.epoch || record.lease?.holder !== operation.host;
}

/** Detach without force from whoever has it, and wait for EC2's `available`: that detach is the fence (contract 3). */
function handOver(facts: EbsFacts): EbsStep | undefined {
  const { operation, block } = facts;
  const other = block?.attachments.find(({ instanceId }) => instanceId !== operation.host);
  if (other !== undefined && !mayTakeFrom(facts, other)) return takeBack(facts, foreign(other));
  const from = other?.instanceId ?? operation.fromHost;
  if (from === undefined || from === operation.host) return undefined;
  return planLeave(facts, from); // guard: detach-before-attach
}

function mayTakeFrom({ operation }: EbsFacts, { instanceId, state }: BlockAttachment): boolean {
  return (
    operation.forceDetach || instanceId === operation.fromHost || state === 'detaching' || state === 'busy'
  );
}

function onTarget(facts: EbsFacts, mine: BlockAttachment): EbsStep {
  const { now } = facts;
  if (mine.state === 'attached') {
    const { device } = mine;
    return { kind: 'confirmAttached', device, message: `Attached as ${device}`, progress: 100 };
  }
  const hung = mine.state === 'attaching' && now.getTime() - (mine.since?.getTime() ?? now.getTime()) > hangs;
  if (hung) return detachHung(facts, mine);
  const doing = mine.state === 'attaching' ? 'attaching' : 'detaching';
  return { ...wait(facts, `EC2 is ${doing} the volume`), progress: 80 };
}

function detachHung({ record }: EbsFacts, { instanceId, device }: BlockAttachment): EbsStep {
  return {
    kind: 'detachVolume',
    mark: `detachHung:${device}`,
    ebsId: record.volume.storage?.kind === 'ebs' ? record.volume.storage.volumeId : '',
    instanceId,
    force: false,
    burn: device,
    message: `The attach as ${device} hangs: detaching, then trying another name`,
    progress: 60,
  };
}

function attach(facts: EbsFacts): EbsStep {
  const { operation, record, block, target } = facts;
  const { storage } = record.volume;
  if (target === undefined || operation.host === undefined || storage?.kind !== 'ebs')
    return takeBack(facts, noHost);
  if (block?.state === 'error') return takeBack(facts, vanished);
  if (block?.state !== 'available') return wait(facts, 'Waiting until EC2 has freed the volume'); // guard: attach-waits-available
  const claimed = claimedDevice(target, record.volume.id);
  const device = claimed ?? nextDevice(target.host, target.devices);
  if (device === undefined) return takeBack(facts, noNames);
  const ids = { ebsId: storage.volumeId, instanceId: operation.host };
  const say = { message: `Attaching the volume to ${operation.host} as ${device}`, progress: 70 };
  return {
    kind: 'attachVolume',
    mark: `attachVolume:${device}`,
    ...ids,
    device,
    claim: claimed === undefined,
    ...say,
  };
}

/** The name that an earlier step claimed for this volume, unless it hung. */
function claimedDevice({ host, devices }: HostRecord, volumeId: string): string | undefined {
  return devices.find((item) => item.volumeId === volumeId && !host.burnedDevices.includes(item.device))
    ?.device;
}

/** A failed attach takes itself back: off the target, then free, or with its former holder if that still has it. */
export function planTakeBack(facts: EbsFacts): EbsStep {
  const { operation } = facts;
  const leaving = isTouched(facts) && !isGivenUp(facts) ? planLeave(facts, operation.host ?? '') : undefined;
  if (leaving !== undefined) return leaving;
  const message = operation.error?.detail ?? operation.message;
  return { kind: 'settleBack', holder: holderIn(facts), message, progress: operation.progress };
}

/** EC2 was asked to attach it to the target, or shows it there. */
function isTouched({ operation, block }: EbsFacts): boolean {
  if (block === undefined || operation.host === undefined) return false;
  const asked = operation.trail.some((mark) => mark.startsWith('attachVolume'));
  return asked || block.attachments.some(({ instanceId }) => instanceId === operation.host);
}

/** The target does not let go; counted from when EC2 was asked to detach it, however late that was. */
function isGivenUp({ operation: { leavingSince }, now }: EbsFacts): boolean {
  return leavingSince !== undefined && now.getTime() - Date.parse(leavingSince) > patience;
}

function takeBack({ operation, record }: EbsFacts, failure: Failure): EbsStep {
  const { message, progress } = { message: failure.detail, progress: operation.progress };
  // A volume that was never placed has nothing to be taken back.
  if (record.volume.state === 'creating')
    return { kind: 'failCreate', failure, nextAttempt: false, message, progress };
  return { kind: 'takeBack', failure, message: `${message} Taking the attach back`, progress };
}

const moved: Failure = {
  code: 'StaleEpoch',
  detail: 'The lease has moved on since the attach was asked for.',
};
const vanished: Failure = {
  code: 'StorageFailed',
  detail: 'EC2 does not know the volume any more.',
  hint: 'Somebody has deleted it in EC2. Delete it here and restore its last snapshot.',
};
const tooLong: Failure = { code: 'TimedOut', detail: 'The attach was not done within 15 minutes.' };
const noHost: Failure = { code: 'HostNotFound', detail: 'The host is not registered any more.' };
const noNames: Failure = {
  code: 'LimitExceeded',
  detail: 'The host has no device name left.',
  hint: 'Detach idle volumes from it; names whose attach hung come back when the instance stops.',
};

function foreign({ instanceId }: BlockAttachment): Failure {
  return {
    code: 'VolumeBusy',
    detail: `EC2 has the volume attached to ${instanceId}, and not by this product.`,
    hint: `Detach it from ${instanceId} in EC2, or attach with --force-detach.`,
  };
}
