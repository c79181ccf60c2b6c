import { clientToken } from '#shared/aws/ec2/client-token.ts';
import type { AccessPoint, NewAccessPoint } from '#shared/aws/efs/access-points.ts';
import type { VolumeRecord } from '#shared/aws/table/records.ts';
import type { ProductError } from '#shared/model/errors.ts';
import type { OperationItem, VolumeItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { productTags } from './product-tags.ts';
import { directoryOf, planCreate } from './planner-efs-create.ts';
import { planFree } from './planner-efs-free.ts';
import { planInPlace, type InPlaceSteps } from './planner-efs-in-place.ts';
import { wait, type RestoreFacts, type RestoreSteps } from './planner-efs-restore.ts';
import { done, minutes, type CommonSteps, type Failure, type StepOf } from './planner.ts';
import {
  planEfsExtract,
  planEfsExtractRefusal,
  type EfsReadFacts,
  type EfsReadSteps,
} from './planner-efs-extract.ts';
import {
  planEfsDrill,
  planEfsDrillRefusal,
  type EfsDrillFacts,
  type EfsDrillSteps,
} from './planner-efs-drill.ts';

/** Everything a plan of a volume that many hosts may use is made from. */
export interface EfsFacts {
  readonly operation: OperationItem;
  readonly record: VolumeRecord;
  /** The volume's own access point, as EFS knows it. */
  readonly point: AccessPoint | undefined;
  /** Hosts that can empty a directory, the one that reported last first. */
  readonly emptiers: readonly string[];
  /** Hosts that it was taken from by force, and that may use it to this day. */
  readonly remnants: readonly string[];
  /** Hosts that EC2 said are stopped or terminated: they use nothing. */
  readonly powerless: ReadonlySet<string>;
  readonly now: Date;
  readonly undoWindowHours: number;
  /** The volume has backups: its record stays when its storage is freed. */
  readonly hasBackups: boolean;
  /** Of a volume that is made from a recovery point. */
  readonly restore: RestoreFacts | undefined;
  /** Of a drill. */
  readonly scratch: EfsDrillFacts | undefined;
  /** Of a browse or an extract. */
  readonly reading: EfsReadFacts | undefined;
}

export interface EfsSteps extends CommonSteps, RestoreSteps, InPlaceSteps, EfsDrillSteps, EfsReadSteps {
  /** EFS CreateAccessPoint. */
  createAccessPoint: { readonly wanted: NewAccessPoint };
  nextAttempt: { readonly because: string };
  confirmCreated: Record<never, never>;
  failCreate: { readonly failure: Failure; readonly nextAttempt: boolean };
  /** A delete or restore in place that cannot be done: as it was before. */
  restore: { readonly failure: Failure };
  bury: { readonly purgeAt: string };
  startPurge: Record<never, never>;
  finishDelete: Record<never, never>;
  /** EFS CreateAccessPoint, temporary: rooted at the volume's directory, for the host that empties it. */
  createPurgePoint: { readonly wanted: NewAccessPoint; readonly hostId: string };
  /** The host that was to empty it is gone: another one. */
  reassignPurge: { readonly hostId: string };
  /** EFS DeleteAccessPoint. */
  deletePurgePoint: { readonly accessPointId: string };
  deleteAccessPoint: { readonly accessPointId: string };
  /** Nothing is left in AWS; `keep`: but backups. */
  forget: { readonly keep: boolean };
}

export type EfsStep = StepOf<EfsSteps>;

/** Names the one next step. Pure. Serves `efs`, and what needs no storage of AWS at all. */
export function planEfs(facts: EfsFacts): EfsStep {
  const { operation, record } = facts;
  const { message, progress } = operation;
  if (isFinished(operation.status)) {
    return { kind: 'stop', outcome: operation.status === 'succeeded' ? 'done' : 'failed', message, progress };
  }
  if (record.volume.operation !== operation.id) {
    const failure = {
      code: 'StaleRevision',
      detail: 'Another operation has taken the volume over.',
    } as const;
    return { kind: 'abandon', failure, message: failure.detail, progress };
  }
  switch (operation.kind) {
    case 'create':
      return planCreate(facts);
    case 'restore':
      return planInPlace(facts);
    case 'delete':
      return planDelete(facts);
    case 'purge':
      return planPurge(facts);
    case 'drill':
      return planEfsDrill(facts, { create: planCreate, purge: planPurge });
    case 'browse':
    case 'extract':
      return planEfsExtract(facts, { create: planCreate, purge: planPurge });
    default: {
      const failure = { code: 'IllegalState', detail: 'This driver has no such operation.' } as const;
      return { kind: 'abandon', failure, message: failure.detail, progress };
    }
  }
}

export function planEfsRefusal(facts: EfsFacts, error: ProductError): EfsStep {
  const { operation, record } = facts;
  if (operation.kind === 'drill') return planEfsDrillRefusal(facts, error.message);
  const { hint } = error.details;
  const failure = { code: error.code, detail: error.message, ...(hint === undefined ? {} : { hint }) };
  if (operation.read !== undefined) return planEfsExtractRefusal(facts, failure);
  const say = { message: error.message, progress: operation.progress };
  if (record.volume.state === 'creating') return { kind: 'failCreate', failure, nextAttempt: false, ...say };
  if (record.volume.state === 'restoring') return { kind: 'restore', failure, ...say };
  return { kind: 'wait', seconds: 60, ...say };
}

function planDelete(facts: EfsFacts): EfsStep {
  const { record, now, undoWindowHours } = facts;
  const { volume } = record;
  if (volume.state === 'purging') return planPurge(facts);
  if (volume.state === 'deleted') {
    if (volume.purge) return { kind: 'startPurge', message: 'Freeing the storage', progress: 70 };
    return { kind: 'finishDelete', message: 'Deleted', progress: 100 };
  }
  const held = planFree(facts);
  if (held !== undefined) return held;
  const window = volume.purge ? 0 : minutes(60 * undoWindowHours);
  const purgeAt = new Date(now.getTime() + window).toISOString();
  return { kind: 'bury', purgeAt, message: 'Deleted; the name is free', progress: 60 };
}

/** Contract 5: files outlive their access point, so a host empties the directory first, and that directory alone. */
function planPurge(facts: EfsFacts): EfsStep {
  const { operation, record } = facts;
  const { volume, purge } = record;
  if (volume.state !== 'purging' || !mayFree(facts)) {
    const failure: Failure = { code: 'IllegalState', detail: 'The undo window of the volume has not ended.' };
    return { kind: 'abandon', failure, message: failure.detail, progress: operation.progress };
  }
  const { storage } = volume;
  const keep = facts.hasBackups;
  if (contentOf(volume) === undefined) return { kind: 'forget', keep, message: 'Gone', progress: 100 };
  if (purge?.done !== true) return empty(facts); // guard: purge-empties-first
  if (!done(operation, 'deletePurgePoint')) {
    const { accessPointId } = purge;
    return {
      kind: 'deletePurgePoint',
      accessPointId,
      message: 'The directory is empty: removing its access points',
      progress: 90,
    };
  }
  if (storage?.kind === 'efs' && !done(operation, 'deleteAccessPoint')) {
    const { accessPointId } = storage;
    return { kind: 'deleteAccessPoint', accessPointId, message: 'Removing the access point', progress: 95 };
  }
  return { kind: 'forget', keep, message: 'The storage is freed', progress: 100 };
}

function empty(facts: EfsFacts): EfsStep {
  const { record, emptiers, remnants } = facts;
  const { volume, purge } = record;
  const [hostId] = emptiers;
  if (remnants.length > 0) return awaitRemnants(facts); // guard: purge-unused
  if (purge !== undefined && (emptiers.includes(purge.hostId) || hostId === undefined)) {
    return { ...wait(facts, `${purge.hostId} is emptying the directory`), progress: 80 };
  }
  if (hostId === undefined)
    return wait(facts, 'Waiting for a host of the namespace that can empty the directory', 60);
  if (purge !== undefined) {
    const mark = `reassignPurge:${hostId}`;
    return {
      kind: 'reassignPurge',
      mark,
      hostId,
      message: `${hostId} is emptying the directory now`,
      progress: 80,
    };
  }
  return {
    kind: 'createPurgePoint',
    wanted: purgePoint(volume),
    hostId,
    message: `Asking ${hostId} to empty the directory`,
    progress: 75,
  };
}

/** A detach by force of what many hosts share stops no container there: its files are not taken from under it. */
function awaitRemnants(facts: EfsFacts): EfsStep {
  const who = facts.remnants.join(', ');
  const text = `It was detached by force from ${who}, where containers may still use it: end them, or stop the instance`;
  return wait(facts, text, 60);
}

/** The directory that holds the volume's files, if there is one; of a restore that was not finished too. */
function contentOf({ storage, madeFrom }: VolumeItem): string | undefined {
  return storage?.kind === 'efs' ? storage.path : madeFrom?.recoveryPoint?.directory;
}

/** Rooted at the volume's directory, never at the file system's; as root, since the files belong to anybody. */
function purgePoint(volume: VolumeItem): NewAccessPoint {
  const { owner } = volume;
  const token = clientToken(`${volume.id}#purge`, volume.attempt);
  const posixUser = { uid: 0, gid: 0 };
  const path = contentOf(volume) ?? directoryOf(volume);
  return { clientToken: token, path, owner, posixUser, tags: productTags(volume) };
}

function mayFree({ record, now }: EfsFacts): boolean {
  const { purge, purgeAt } = record.volume;
  return purge || (purgeAt !== undefined && Date.parse(purgeAt) <= now.getTime());
}
