import type { CrashedOperation, Effect } from '#shared/model/crash-points.ts';
import { crashPoints } from '#shared/model/crash-points.ts';
import type { Volume } from '#shared/model/volume.ts';
import type { FaultSwitch } from './admin.ts';

/** One kill: of the function that has the effect, before or after it, in the operation on one volume. */
export interface Kill {
  readonly kind: CrashedOperation;
  readonly effect: Effect;
  readonly side: 'before' | 'after';
  /** The step that the effect belongs to, or follows. */
  readonly step: string;
  readonly name: string;
}

/** The effects of an operation, each one killed on both sides. */
export function killsOf(kind: CrashedOperation, nameOf: () => string): Kill[] {
  let step = '';
  return crashPoints[kind].flatMap((effect: Effect) => {
    if (effect.what.startsWith('claim ')) step = effect.what.slice('claim '.length);
    return (['before', 'after'] as const).map((side) => ({ kind, effect, side, step, name: nameOf() }));
  });
}

export const says = ({ kind, effect, side, step }: Kill): string =>
  `${kind}: ${effect.by} killed ${side} ${effect.what}${effect.what === 'say' ? ` of ${step}` : ''}`;

/**
 * Whether the call names the operation. A start and a wake-up do not: where only this kind of operation makes them, any
 * volume's will do, else the operations come one after the other.
 */
export function isAimed({ effect: { by, service } }: Kill): boolean {
  const anonymous = service === 'states' || service === 'sqs';
  return !anonymous || by === 'sweeper' || by === 'efs-worker';
}

/** What a worker says while AWS, or a host, is at work on the step. */
const sayings: Readonly<Record<string, string>> = {
  createVolume: 'EC2 is making the volume',
  attachVolume: 'EC2 is attaching the volume',
  detachVolume: 'is letting go of the volume',
  createSnapshot: 'Making the final backup: ',
  createPurgePoint: 'is emptying the directory',
};

/** The switch that hits the call of this effect, and no other. `volume` is the record before the operation. */
export function switchOf(kill: Kill, volume: Volume | undefined): FaultSwitch {
  const { effect, side, name } = kill;
  const { by, service, action } = effect;
  const about = textsOf(kill, volume);
  const where = about.length === 0 ? {} : { about };
  return { id: name, kind: `kill-${side}`, functionName: by, service, action, times: 1, ...where };
}

function textsOf(kill: Kill, volume: Volume | undefined): readonly string[] {
  switch (kill.effect.service) {
    case 'dynamodb':
      return transactionOf(kill, volume);
    case 'ec2':
      return [ec2Word(kill, volume)];
    case 'elasticfilesystem':
      return accessPointOf(kill, volume);
    case 'states':
      // The sweeper starts one operation of a network volume for each of them.
      return kill.effect.by === 'sweeper' ? [String.raw`\"driver\":\"efs\"`] : [];
    case 'sqs':
    case 'backup':
    case 's3':
      return [];
  }
}

/** Transactions are told apart by what they write: the step's claim, its end, the mark in the operation's trail. */
function transactionOf({ effect, step, name }: Kill, volume: Volume | undefined): string[] {
  const [word = '', of = ''] = effect.what.split(' ');
  const mark = `{"S":"${of}`;
  if (effect.by === 'hosts-api') return [volume?.id ?? '', '"done":{"BOOL":true}'];
  if (effect.by === 'sweeper') return [name, '"kind":{"S":"purge"}'];
  switch (word) {
    case 'claim':
      return [name, `"step":${mark}`];
    case 'confirm':
      // A key that ends with its sort key is one that is deleted: the claim's.
      return [name, '"sk":{"S":"STEP"}}', mark];
    case 'record':
      return [name, mark];
    case 'say':
      return [name, sayings[step] ?? step];
    default:
      return [name];
  }
}

/** EC2 is told the name where something is made, and its own id where something is done to it. */
function ec2Word({ effect: { action }, name }: Kill, volume: Volume | undefined): string {
  const made = action === 'CreateVolume' || action === 'CreateSnapshot';
  return made || volume?.storage?.kind !== 'ebs' ? name : volume.storage.volumeId;
}

/**
 * A volume that is still to be made is known by its name alone, and a purge point is made for the volume's id. Its own id
 * nobody knows in advance; but each volume's purge point goes before its access point, so that the first deletes of all,
 * which spend these switches, are purge points'.
 */
function accessPointOf({ effect, step, name }: Kill, volume: Volume | undefined): string[] {
  if (effect.action === 'CreateAccessPoint') return [volume?.id ?? name];
  if (step === 'deletePurgePoint' || volume?.storage?.kind !== 'efs') return [];
  return [volume.storage.accessPointId];
}
