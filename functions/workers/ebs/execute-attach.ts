import type { BlockStorage } from '#shared/aws/ec2/block-storage.ts';
import type { ErrorCode } from '#shared/model/errors.ts';
import { attachTo, changeAttachment } from '#shared/aws/table/volume-writes.ts';
import { create, discard, replace, type Write } from '#shared/aws/table/writes.ts';
import {
  attachmentTo,
  changeLease,
  changeVolume,
  endAttachments,
  fail,
  freeLease,
  goOn,
  look,
  succeed,
} from '../change.ts';
import type { EbsFacts, EbsStep } from '../planner-ebs-steps.ts';
import { deviceNames } from './devices.ts';
import type { EbsExecutors } from './executors.ts';

type Part = Pick<EbsExecutors, 'attachVolume' | 'confirmAttached' | 'takeBack' | 'settleBack'>;
type AttachStep = Extract<EbsStep, { kind: 'attachVolume' }>;

export function attachExecutors(storage: BlockStorage): Part {
  return {
    attachVolume: {
      kind: 'effect',
      intend: intendAttach,
      perform: async ({ ebsId, instanceId, device }) => {
        const answer = await storage.attach({ volumeId: ebsId, instanceId, device });
        if (answer === 'device-taken') return (facts) => goOn(burn(facts, device));
        return () => look(answer === 'attaching' ? 1 : 2);
      },
    },
    confirmAttached: { kind: 'record', change: (facts, { device }) => confirmAttached(facts, device) },
    takeBack: {
      kind: 'record',
      change: (_, { failure: { code, detail, hint } }) =>
        goOn([], { error: { code, detail, ...(hint === undefined ? {} : { hint }) } }),
    },
    settleBack: { kind: 'record', change: (facts, { holder }) => settleBack(facts, holder) },
  };
}

/** The name is claimed on the host before EC2 hears of it, so that no other volume can take it meanwhile. */
function intendAttach(facts: EbsFacts, { instanceId, device, claim }: AttachStep): Write[] {
  const { record, target, now } = facts;
  const { state } = record.volume;
  const begin = state === 'available' ? [changeVolume(facts, { state: 'attaching' })] : [];
  if (!claim || target === undefined) return begin;
  const { host } = target;
  return [
    ...begin,
    create('device', { hostId: instanceId, device, volumeId: record.volume.id, at: now.toISOString() }),
    replace('host', host, { ...host, lastDevice: deviceNames.indexOf(device) }),
    ...claimOnAttachment(facts, instanceId, device),
  ];
}

function claimOnAttachment({ record, operation, now }: EbsFacts, hostId: string, device: string): Write[] {
  const was = record.attachments.find((item) => item.hostId === hostId);
  if (was !== undefined) return changeAttachment(was, { ...was, device });
  const { id: volumeId, namespace, readOnly } = record.volume;
  const epoch = operation.epoch ?? 0;
  const state = { desired: 'attached', actual: 'attaching', inUse: false } as const;
  return attachTo({
    volumeId,
    hostId,
    namespace,
    readOnly,
    epoch,
    device,
    ...state,
    since: now.toISOString(),
  });
}

/** A name that EC2 will not give (or that hung) is not asked for again before the instance stops. */
export function burn(facts: EbsFacts, device: string): Write[] {
  const { target, operation, record, now } = facts;
  if (target === undefined || operation.host === undefined) return [];
  const { host } = target;
  if (host.burnedDevices.includes(device)) return [];
  return [
    discard('device', { hostId: host.id, device, volumeId: record.volume.id, at: now.toISOString() }),
    replace('host', host, { ...host, burnedDevices: [...host.burnedDevices, device] }),
    ...attachmentTo(facts, operation.host, { device: undefined }),
  ];
}

function confirmAttached(facts: EbsFacts, device: string) {
  const { host = '' } = facts.operation;
  const patch = { state: 'attached', hosts: [host], operation: undefined, reason: undefined } as const;
  const writes = [
    changeVolume(facts, { ...patch, hosts: [host] }),
    ...attachmentTo(facts, host, { actual: 'attached', device }),
    ...endAttachments(facts, ({ hostId }) => hostId !== host),
  ];
  return { ...succeed(facts, writes), wake: [host] };
}

/** Back to the former holder where EC2 still has it there, else to nobody; a new epoch in either case. */
function settleBack(facts: EbsFacts, holder: string | undefined) {
  const { operation, record } = facts;
  const error = operation.error ?? { code: 'Internal', detail: operation.message };
  const reason = { reason: error.detail, operation: undefined };
  const ended = endAttachments(facts, ({ hostId }) => hostId !== holder);
  const failed = (writes: Write[]) => ({
    ...fail(facts, failureOf(error), writes),
    wake: [operation.host ?? ''],
  });
  if (holder === undefined || record.volume.state === 'available') {
    const free = changeVolume(facts, { state: 'available', hosts: [], ...reason });
    return failed([free, ...freeLease(facts, true), ...ended]);
  }
  const epoch = (record.lease?.epoch ?? 0) + 1;
  return failed([
    changeVolume(facts, { state: 'attached', hosts: [holder], ...reason }),
    ...changeLease(facts, { holder, bootId: undefined, inUse: false, epoch }),
    ...attachmentTo(facts, holder, { desired: 'attached', actual: 'attached', epoch, inUse: false }),
    ...ended,
  ]);
}

type OperationError = NonNullable<EbsFacts['operation']['error']>;

function failureOf({ code, detail, hint }: OperationError) {
  // What is recorded in an operation was one of our codes when it was written.
  return { code: code as ErrorCode, detail, ...(hint === undefined ? {} : { hint }) };
}
