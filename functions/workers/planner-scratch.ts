import type { VolumeState } from '#shared/model/states.ts';
import { planAttach } from './planner-ebs-attach.ts';
import { planLeave } from './planner-ebs-detach.ts';
import { mayAppearYet, wait, type EbsFacts, type EbsStep } from './planner-ebs-steps.ts';
import { done, type Failure } from './planner.ts';
import { hostPatience } from './scratch-patience.ts';

/** The way of any volume to its host; what would be taken back there is told to `failed`. */
export function planToHost(facts: EbsFacts, failed: (failure: Failure) => EbsStep): EbsStep {
  const step = planAttach(facts);
  if (step.kind === 'confirmAttached') return { ...step, kind: 'scratchAttached', progress: 50 };
  if (step.kind === 'takeBack' || step.kind === 'failCreate') return failed(step.failure);
  return { ...step, progress: Math.floor(step.progress / 2) };
}

/** What every task about a scratch volume says. */
export function scratchTask({ operation, record, now }: EbsFacts) {
  return {
    operationId: operation.id,
    hostId: operation.host ?? '',
    volumeId: record.volume.id,
    epoch: operation.epoch ?? 0,
    deadline: new Date(now.getTime() + hostPatience).toISOString(),
    at: now.toISOString(),
    begun: false,
  };
}

/** The way of a scratch volume out of each state, by the table of states. */
const wayOut: Readonly<Partial<Record<VolumeState, VolumeState>>> = {
  creating: 'failed',
  attaching: 'available',
  detaching: 'available',
  available: 'deleted',
  failed: 'deleted',
  deleted: 'purging',
};

/** Removes the scratch volume, whatever state it is in; undefined once nothing of it is left but its record. */
export function planRemoval(facts: EbsFacts): EbsStep | undefined {
  const { record, operation } = facts;
  const { state, storage } = record.volume;
  const say = { message: 'Removing the scratch volume', progress: 90 };
  if (state === 'attached') return { kind: 'retire', mark: 'retire:detaching', to: 'detaching', ...say };
  const leaving = leave(facts);
  if (leaving !== undefined) return { ...leaving, progress: 85 };
  const to = wayOut[state];
  if (to !== undefined) return { kind: 'retire', mark: `retire:${to}`, to, ...say };
  if (storage?.kind === 'ebs' && !done(operation, 'deleteVolume'))
    return { kind: 'deleteVolume', ebsId: storage.volumeId, ...say };
  return undefined;
}

/** Off every host that EC2 or the record knows of. */
function leave(facts: EbsFacts): EbsStep | undefined {
  const { block, record } = facts;
  if (done(facts.operation, 'deleteVolume')) return undefined;
  if (block === undefined) {
    const isLagging = record.attachments.length > 0 && mayAppearYet(facts);
    return isLagging ? wait(facts, 'Waiting for EC2 to show the scratch volume') : undefined;
  }
  const hosts = [
    ...record.attachments.map(({ hostId }) => hostId),
    ...block.attachments.map(({ instanceId }) => instanceId),
  ];
  for (const host of new Set(hosts)) {
    const leaving = planLeave(facts, host);
    if (leaving !== undefined) return leaving;
  }
  return undefined;
}
