import { snapshotOfStorage } from '#shared/model/backup.ts';
import { inUse, planLeave } from './planner-ebs-detach.ts';
import { isHeld, mayAppearYet, wait, type EbsFacts, type EbsStep } from './planner-ebs-steps.ts';
import { ageOf, done, minutes, type Failure } from './planner.ts';

/** How long a host may hold a device that is being detached before the delete gives up. */
const patience = minutes(20);

/** Contract 5: hand-back, detach, tombstone, final snapshot; with `--purge` the storage at once. */
export function planDelete(facts: EbsFacts): EbsStep {
  switch (facts.record.volume.state) {
    case 'deleted':
      return afterTombstone(facts);
    case 'purging':
      return planPurge(facts);
    default:
      return beforeTombstone(facts);
  }
}

function beforeTombstone(facts: EbsFacts): EbsStep {
  return planFree(facts) ?? bury(facts);
}

/** Handed back, fenced, and off every host; undefined when it is. What cannot be done ends in `restore`. */
export function planFree(facts: EbsFacts): EbsStep | undefined {
  const { operation, record } = facts;
  if (isHeld(facts)) return handBack(facts); // guard: delete-in-use
  if (record.lease !== undefined && !done(operation, 'fence')) {
    return { kind: 'fence', message: 'Nobody uses the volume: closing it', progress: 20 };
  }
  return leaveAll(facts);
}

/** `--force` waits for the hand-back and never tears a mount away. */
function handBack(facts: EbsFacts): EbsStep {
  const { operation, now } = facts;
  const until = Date.parse(operation.waitUntil ?? operation.createdAt);
  if (now.getTime() >= until) return restore(facts, inUse(facts));
  return { ...wait(facts, `Waiting until it is free. ${inUse(facts).detail}`), progress: 10 };
}

/** Off every host that EC2 or the record knows of. */
function leaveAll(facts: EbsFacts): EbsStep | undefined {
  const { block, record, operation, now } = facts;
  if (block === undefined) {
    const lagging = record.attachments.length > 0 && mayAppearYet(facts);
    return lagging ? wait(facts, 'Waiting for EC2 to show the volume') : undefined;
  }
  const hosts = [
    ...record.attachments.map(({ hostId }) => hostId),
    ...block.attachments.map(({ instanceId }) => instanceId),
  ];
  for (const host of new Set(hosts)) {
    const leaving = planLeave(facts, host);
    if (leaving?.kind === 'wait' && ageOf(operation, now) > patience) return restore(facts, inUse(facts));
    if (leaving !== undefined) return leaving;
  }
  return undefined;
}

function bury({ record, now, undoWindowHours }: EbsFacts): EbsStep {
  const window = record.volume.purge ? 0 : minutes(60 * undoWindowHours);
  const purgeAt = new Date(now.getTime() + window).toISOString();
  return { kind: 'bury', purgeAt, message: 'Deleted; the name is free', progress: 60 };
}

function restore({ operation }: EbsFacts, failure: Failure): EbsStep {
  return { kind: 'restore', failure, message: failure.detail, progress: operation.progress };
}

function afterTombstone(facts: EbsFacts): EbsStep {
  const { volume, lease } = facts.record;
  if (volume.purge) return { kind: 'startPurge', message: 'Freeing the storage', progress: 70 };
  const worthKeeping = lease?.filesystem.state === 'formatted' && volume.storage?.kind === 'ebs';
  return worthKeeping
    ? planSnapshot(facts, 'the final backup')
    : { kind: 'finishDelete', message: 'Deleted', progress: 100 };
}

/**
 * A snapshot of a volume that nobody has, for a backup; `finishDelete` when it is complete, or cannot be made. It is looked up
 * by the operation's tag before a repeat; a second one, come late, is removed.
 * @param what that backup, in words
 */
export function planSnapshot(facts: EbsFacts, what: string): EbsStep {
  const { record, snapshots, operation, now } = facts;
  const { finalSnapshot: made, storage } = record.volume;
  if (storage?.kind !== 'ebs') return { kind: 'finishDelete', message: 'Deleted', progress: 100 };
  const [oldest] = snapshots;
  if (made === undefined && oldest !== undefined) {
    return {
      kind: 'confirmSnapshot',
      snapshotId: oldest.id,
      message: `Making ${what}`,
      progress: 75,
    };
  }
  if (made === undefined) {
    return {
      kind: 'createSnapshot',
      ebsId: storage.volumeId,
      message: `Making ${what}`,
      progress: 70,
    };
  }
  const kept = snapshots.find(({ id }) => id === made);
  const failure: Failure = { code: 'StorageFailed', detail: `EC2 could not finish ${what}.` };
  if (kept?.state === 'error' || (kept === undefined && ageOf(operation, now) > 2 * patience)) {
    return { kind: 'finishDelete', failure, message: failure.detail, progress: 90 };
  }
  if (kept === undefined) return wait(facts, `Waiting for EC2 to show ${what}`);
  const double = snapshots.find(({ id }) => id !== kept.id);
  if (double !== undefined) {
    return {
      kind: 'removeDouble',
      mark: `removeDouble:${double.id}`,
      snapshotId: double.id,
      message: 'Removing a second backup',
      progress: 80,
    };
  }
  if (kept.state === 'pending') {
    return {
      ...wait(facts, `Making ${what}: ${kept.progress} %`),
      progress: 80 + Math.floor(kept.progress / 6),
    };
  }
  return { kind: 'finishDelete', message: 'Deleted; a final backup is kept', progress: 100 };
}

/** Frees the storage of a tombstone whose undo window has ended. What cannot be done yet is tried again for ever. */
export function planPurge(facts: EbsFacts): EbsStep {
  const { operation, record, backups } = facts;
  const { state, storage, purge } = record.volume;
  if (state !== 'purging' || !mayFree(facts)) {
    const failure: Failure = { code: 'IllegalState', detail: 'The undo window of the volume has not ended.' };
    return { kind: 'abandon', failure, message: failure.detail, progress: operation.progress };
  }
  // DeleteVolume itself says whether the volume is gone; a read may lag.
  if (storage?.kind === 'ebs' && !done(operation, 'deleteVolume')) {
    return { kind: 'deleteVolume', ebsId: storage.volumeId, message: 'Freeing the EBS volume', progress: 80 };
  }
  const removed = purge ? backups.filter(({ origin, held }) => origin === 'final' && !held) : [];
  const left = removed.flatMap(({ storage: kept }) => snapshotOfStorage(kept) ?? []);
  const next = left.find((id) => !done(operation, `removeDouble:${id}`));
  if (next !== undefined) return removeBackup(next);
  return {
    kind: 'forget',
    keep: backups.length > removed.length,
    removed,
    message: 'The storage is freed',
    progress: 100,
  };
}

/** Nothing is kept: a delete that was undone had left a backup. */
function removeBackup(snapshotId: string): EbsStep {
  const mark = `removeDouble:${snapshotId}`;
  return { kind: 'removeDouble', mark, snapshotId, message: 'Removing its earlier backup', progress: 90 };
}

function mayFree({ record, now }: EbsFacts): boolean {
  const { purge, purgeAt } = record.volume;
  return purge || (purgeAt !== undefined && Date.parse(purgeAt) <= now.getTime()); // guard: purge-window off: return true;
}
