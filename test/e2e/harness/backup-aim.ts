import type { FaultSwitch } from './admin.ts';
import type { BackupKill, KilledKind } from './backup-kills.ts';

/**
 * By action: what a call names of the operation, where that is not the operation itself. Where it is something that the
 * operation makes, it is `undefined` until it is there. By effect, as `record askVerify 1` for the second of that name: what a
 * transaction writes.
 */
export type Words = Readonly<Record<string, string | undefined>>;

/** Whether what the call names is still to be made by the operation. */
export function isLate({ effect: { action } }: BackupKill, words: Words): boolean {
  return action in words && words[action] === undefined;
}

/**
 * The switch that hits the call of this effect in this operation, and no other. `kill.operation` is what its transactions name:
 * its id, or that of a backup which nobody else is at work on.
 */
export function switchOf(kill: BackupKill, words: Words): FaultSwitch {
  const { effect, side, key, operation } = kill;
  const { by, service, action } = effect;
  const about =
    service === 'dynamodb' ? transactionOf(kill, words) : [words[action] ?? operation, ...pathOf(kill)];
  const after = isRepeated(kill) ? kill.ownNth : 0;
  return { id: key, kind: `kill-${side}`, functionName: by, service, action, times: 1, after, about };
}

/** Whether the same function wakes the same host several times: nothing but their order tells those wake-ups apart. */
function isRepeated({ effect: { service }, kind }: BackupKill): boolean {
  return service === 'sqs' && kind !== 'archiveDrill';
}

/** The temporary access point is rooted at the file system's root, the volume's at the directory that AWS has restored. */
function pathOf({ effect: { action, what } }: BackupKill): string[] {
  if (action !== 'CreateAccessPoint') return [];
  return [what === 'createLookPoint' ? '"Path":"/"' : 'aws-backup-restore_'];
}

/** Transactions are told apart by what they write: the step's claim, its end, the mark in the operation's trail. */
function transactionOf(kill: BackupKill, words: Words): string[] {
  const { effect, nth, operation } = kill;
  const [word = '', of = ''] = effect.what.split(' ');
  const mark = `{"S":"${of}`;
  switch (word) {
    case 'claim':
      return [operation, `"step":${mark}`];
    case 'confirm':
      // A key that ends with its sort key is one that is deleted: the claim's.
      return [operation, '"sk":{"S":"STEP"}}', ...(effect.by === 'hosts-api' ? [] : [mark])];
    case 'record':
      return [operation, words[`${effect.what} ${nth}`] ?? recordOf(kill, of) ?? mark];
    case 'say':
      return [operation, sayingOf(kill)];
    default:
      // Of an archive that is sent: first that it comes, then that it is whole.
      return nth === 0 ? [operation] : [operation, '"sha256":{"S"'];
  }
}

/** What a host says at first of what it keeps, and then of what it has replaced. */
const replacing = ['"snapshot":{"M"', '"transfer":{"M"'];
const answers: Readonly<Partial<Record<KilledKind, readonly string[]>>> = {
  refill: replacing,
  importInPlace: replacing,
  archiveDrill: ['"outcome":{"S":"failed"}', '"outcome":{"S":"done"}'],
};

/** What is written first at the nth record of a name, where its mark does not tell. */
const records: Readonly<Record<string, readonly string[]>> = {
  answered: ['"outcome":{"S":"done"}'],
  transfer: ['"uploadId":{"S"', '"sha256":{"S"'],
  retire: ['detaching', 'available', 'deleted', 'purging'].map((to) => `{"S":"retire:${to}"`),
};

function recordOf({ kind, nth }: BackupKill, name: string): string | undefined {
  const texts = (name === 'answered' ? answers[kind] : undefined) ?? records[name];
  if (texts === undefined) return undefined;
  // Matches nothing: the test then says which kill did not happen.
  return texts[nth] ?? `no text for the ${nth}th ${name}`;
}

/** What a worker says while AWS is at work on the step. */
const sayings: Readonly<Record<string, string>> = {
  createSnapshot: 'Copying what has changed',
  cut: 'Copying what has changed',
  copySnapshot: 'Copying to ',
  createVolume: 'EC2 is making the volume',
  createIncoming: 'EC2 is making the volume',
  attachVolume: 'EC2 is attaching the volume',
  detachVolume: 'is letting go of the volume',
  startPoint: 'AWS Backup is copying the file system: ',
  copyPoint: 'AWS Backup is copying it to ',
  deletePoint: 'AWS Backup is removing the recovery point',
  startRestore: 'AWS Backup is restoring the files',
};

function sayingOf({ kind, step }: BackupKill): string {
  if (kind === 'restoreInPlace' && step === 'createSnapshot') return 'Making a backup of what is replaced: ';
  return sayings[step] ?? step;
}

/** Long enough for a worker to look meanwhile, also on a busy machine. */
const slowMs = 30_000;

/**
 * What makes EC2 slow in this operation, so that the worker says that it is at work, or so that a volume is known before
 * anything is done with it. `named` is what the slow call names.
 */
export function slowStorage({ effect, step, key }: BackupKill, named: string | undefined): FaultSwitch[] {
  const action = effect.what === 'say' ? slowActions[step] : 'CreateVolume';
  if (action === undefined || named === undefined) return [];
  const slow = { kind: 'slow-transition', service: 'ec2', ms: slowMs };
  return [{ id: `slow-${key}`, ...slow, action, resourceId: named }];
}

const slowActions: Readonly<Record<string, string>> = {
  createSnapshot: 'CreateSnapshot',
  cut: 'CreateSnapshot',
  copySnapshot: 'CopySnapshot',
  createVolume: 'CreateVolume',
  createIncoming: 'CreateVolume',
  attachVolume: 'AttachVolume',
  detachVolume: 'DetachVolume',
};
