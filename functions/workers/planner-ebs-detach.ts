import {
  attachmentOn,
  isHeld,
  mayAppearYet,
  wait,
  type EbsFacts,
  type EbsStep,
} from './planner-ebs-steps.ts';
import { ageOf, done, minutes, type Failure } from './planner.ts';

/** How long a host may hold a device that is being detached before the operation gives up. */
const patience = minutes(10);

export function planDetach(facts: EbsFacts): EbsStep {
  const { operation, record, block, now } = facts;
  const { lease } = record;
  if (isHeld(facts) && !operation.forceDetach) return restore(facts, inUse(facts)); // guard: detach-in-use
  const from = operation.host ?? lease?.holder;
  if (block === undefined && record.volume.storage !== undefined && mayAppearYet(facts)) {
    return wait(facts, 'Waiting for EC2 to show the volume');
  }
  const leaving = from === undefined || block === undefined ? undefined : planLeave(facts, from);
  if (leaving?.kind === 'wait' && ageOf(operation, now) > patience) return restore(facts, held(from));
  return leaving ?? { kind: 'confirmDetached', message: 'Detached', progress: 100 };
}

/**
 * The next step to get the volume off an instance; undefined when EC2 has freed it. The detach is asked for once even
 * where EC2 shows no attachment: its reads may lag, its answer to DetachVolume does not.
 */
export function planLeave(facts: EbsFacts, instanceId: string): EbsStep | undefined {
  const { operation, record, block } = facts;
  const { storage } = record.volume;
  if (storage?.kind !== 'ebs') return undefined;
  const mark = `detachVolume:${instanceId}`;
  const held = attachmentOn(facts, instanceId);
  const asked = done(operation, mark);
  if (!asked || held?.state === 'attached' || held?.state === 'attaching') {
    const force = operation.forceDetach;
    const message = `Detaching the volume from ${instanceId}`;
    return { kind: 'detachVolume', mark, ebsId: storage.volumeId, instanceId, force, message, progress: 40 };
  }
  if (held !== undefined) return wait(facts, `${instanceId} is letting go of the volume`);
  if (block?.state === 'in-use') return wait(facts, 'Waiting until EC2 has freed the volume'); // guard: wait-available
  return undefined;
}

function restore({ operation }: EbsFacts, failure: Failure): EbsStep {
  return { kind: 'restore', failure, message: failure.detail, progress: operation.progress };
}

export function inUse({ record }: EbsFacts): Failure {
  const holder = record.lease?.holder ?? 'a host';
  const containers = record.observations.flatMap((seen) => seen.containers);
  const by = containers.length === 0 ? '' : `, by ${containers.join(', ')}`;
  return {
    code: 'VolumeBusy',
    detail: `The volume is in use on ${holder}${by}.`,
    hint: 'Stop the containers that use it, then try again.',
  };
}

function held(instanceId: string | undefined): Failure {
  return {
    code: 'VolumeBusy',
    detail: `${instanceId ?? 'The host'} did not let go of the device within 10 minutes.`,
    hint: 'Look for what holds it on the host, or attach it to another with --force-detach: what is not yet written is lost.',
  };
}
