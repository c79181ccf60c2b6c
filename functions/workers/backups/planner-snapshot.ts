import { snapshotOfStorage } from '#shared/model/backup.ts';
import type { AttachmentItem, BackupItem, LeaseItem, TaskItem } from '#shared/model/items.ts';
import { errorCodes, isErrorCode } from '#shared/model/errors.ts';
import { tagKeys } from '#shared/model/tags.ts';
import { ageOf, done, minutes, type Failure } from '../planner.ts';
import { snapshotOf } from './snapshot-of.ts';
import { wait, type BackupFacts, type BackupStep } from './steps.ts';

/** How long a host has to begin with the cut. */
const hostPatience = minutes(2);
/** A cut that a host has begun at the last moment ends well before this, if its hooks take as long as they may. */
function lateCut({ hooks }: BackupItem): number {
  return minutes(1.5) + 2 * 1000 * (hooks?.timeoutSeconds ?? 0);
}
/** How long a detach that is under way is waited for. */
const leavingPatience = minutes(10);
/** How often a host is asked when the cut could not be made in its freeze. */
const mostAsked = 3;
/** The same where AWS takes no more calls: each time twice as long after the last. */
const mostThrottled = 7;
/** EC2's reads may lag: a snapshot that was made and is not shown counts as coming for so long. */
const believeFor = minutes(40);

/** One EBS snapshot: cut, looked after until it is complete. */
export function planSnapshot(facts: BackupFacts, backup: BackupItem): BackupStep {
  const snapshotId = snapshotOfStorage(backup.storage);
  if (snapshotId === undefined) return planGivenUp(facts) ?? planCut(facts, backup);
  return planProven(facts, backup, snapshotId) ?? planComplete(facts, snapshotId);
}

function planCut(facts: BackupFacts, backup: BackupItem): BackupStep {
  const { record, snapshots, holderPowerless } = facts;
  // What was made for a host counts only by the host's word; see planProven.
  const oldest = snapshots.find(({ tags }) => tags[tagKeys.cut] === undefined);
  if (oldest !== undefined)
    return { kind: 'adoptSnapshot', snapshot: oldest, message: 'The cut is made', progress: 30 };
  const { storage, name } = record.volume;
  if (storage?.kind !== 'ebs')
    return fail(facts, { code: 'IllegalState', detail: `"${name}" has no storage any more.` });
  const { lease } = record;
  const mounted = lease?.inUse === true && lease.holder !== undefined && !holderPowerless;
  // What nobody has mounted is as its last holder left it.
  if (mounted && backup.consistency !== 'none') return byHost(facts, backup, lease); // guard: backup-freezes off: if (backup.id === '') return byHost(facts, backup, lease as LeaseItem);
  const leaving = record.attachments.find(({ desired }) => desired === 'detached');
  if (leaving !== undefined && backup.consistency !== 'none') return untilGone(facts, leaving);
  return createSnapshot(facts);
}

/** Who it is forced away from may write until EC2 has taken the device. */
function untilGone(facts: BackupFacts, { hostId }: AttachmentItem): BackupStep {
  if (ageOf(facts.operation, facts.now) < leavingPatience)
    return { ...wait(facts, `Waiting for ${hostId} to let go of the volume`), progress: 15 };
  return fail(facts, {
    code: 'VolumeBusy',
    detail: `The volume is being taken from ${hostId}, which may still write to it.`,
    hint: 'Try again when it is detached, or back up with consistency none.',
  });
}

function createSnapshot({ operation, record }: BackupFacts): BackupStep {
  const wanted = snapshotOf(record.volume, operation);
  return { kind: 'createSnapshot', wanted, message: 'Making the snapshot', progress: 20 };
}

/** A cut that a host called for counts once the host says that it was frozen all the time. */
function planProven(facts: BackupFacts, backup: BackupItem, snapshotId: string): BackupStep | undefined {
  const { task, now, operation } = facts;
  // Made without a host, which had let go of the volume before it could make one.
  if (done(operation, 'createSnapshot') || done(operation, 'adoptSnapshot')) return undefined;
  if (task?.begun !== true || backup.consistency === 'none' || task.result?.outcome === 'done')
    return undefined;
  const waits = task.result === undefined && now.getTime() < Date.parse(task.deadline) + lateCut(backup);
  if (waits) return { ...wait(facts, `Waiting for ${task.hostId} to thaw the volume`), progress: 30 };
  const mark = `discardCut:${snapshotId}`;
  const message = 'The cut was not made while the volume was frozen: removing it';
  return { kind: 'discardCut', mark, snapshotId, message, progress: 20 }; // guard: cut-proven off: return undefined;
}

/** The host freezes the filesystem and calls for the cut; nothing is cut behind its back. */
function byHost(facts: BackupFacts, backup: BackupItem, lease: LeaseItem): BackupStep {
  const { task, now } = facts;
  if (task === undefined || task.hostId !== lease.holder || task.epoch !== lease.epoch)
    return ask(facts, backup, lease);
  const { result } = task;
  if (result?.outcome === 'done') return cutSomewhere(facts, task);
  if (result?.outcome === 'failed') return again(facts, { backup, lease, task });
  if (now.getTime() < Date.parse(task.deadline) + lateCut(backup))
    return { ...wait(facts, `Waiting for ${task.hostId} to freeze the volume`), progress: 15 };
  return fail(facts, {
    code: 'TimedOut',
    detail: `${task.hostId} did not freeze the volume in time.`,
    hint: 'See that its agent runs (hivemind host ls), or back up with consistency none.',
  });
}

/** The host says that the cut is made: EC2 will show it. */
function cutSomewhere(facts: BackupFacts, { hostId }: TaskItem): BackupStep {
  if (ageOf(facts.operation, facts.now) < believeFor)
    return wait(facts, 'Waiting for EC2 to show the snapshot');
  return fail(facts, {
    code: 'StorageFailed',
    detail: `EC2 does not show the snapshot that ${hostId} had made.`,
  });
}

interface Asked {
  readonly backup: BackupItem;
  readonly lease: LeaseItem;
  readonly task: TaskItem;
}

function again(facts: BackupFacts, { backup, lease, task }: Asked): BackupStep {
  const { code = 'CommandFailed', detail = 'The host could not make the cut.' } = task.result?.error ?? {};
  const known = isErrorCode(code) ? code : 'CommandFailed';
  const passing = known !== 'CommandFailed' && errorCodes[known].retryable;
  const most = known === 'Throttled' ? mostThrottled : mostAsked;
  if (passing && asked(facts) < most) return askLater(facts, { backup, lease, task });
  return fail(facts, { code: known, detail: `${task.hostId}: ${detail}` });
}

/** A freeze holds writers up: none is begun while AWS is known to take nothing. */
function askLater(facts: BackupFacts, { backup, lease, task }: Asked): BackupStep {
  const due = Date.parse(task.at) + 2 ** asked(facts) * 1_000;
  const seconds = Math.ceil((due - facts.now.getTime()) / 1_000);
  if (seconds <= 0 || task.result?.error?.code !== 'Throttled') return ask(facts, backup, lease);
  return { ...wait(facts, 'AWS takes no more requests right now: asking again soon', seconds), progress: 10 };
}

const asked = ({ operation }: BackupFacts): number =>
  operation.trail.filter((mark) => mark.startsWith('askHost:')).length;

function ask(facts: BackupFacts, backup: BackupItem, lease: LeaseItem): BackupStep {
  const { operation, now, record } = facts;
  const hostId = lease.holder ?? '';
  if (asked(facts) >= 3 * mostAsked)
    return fail(facts, { code: 'VolumeBusy', detail: 'The volume went from host to host.' });
  return {
    kind: 'askHost',
    mark: `askHost:${asked(facts) + 1}`,
    task: {
      operationId: operation.id,
      hostId,
      volumeId: record.volume.id,
      epoch: lease.epoch,
      kind: 'cut',
      consistency: backup.consistency,
      ...(backup.hooks === undefined ? {} : { hooks: backup.hooks }),
      deadline: new Date(now.getTime() + hostPatience).toISOString(),
      at: now.toISOString(),
      begun: false,
    },
    message: `Asking ${hostId} to freeze the volume`,
    progress: 10,
  };
}

/** Once there is a snapshot of it: looked after until it is complete. */
export function planComplete(facts: BackupFacts, snapshotId: string): BackupStep {
  const { snapshots, operation, now } = facts;
  const kept = snapshots.find(({ id }) => id === snapshotId);
  const double = snapshots.find(({ id }) => id !== snapshotId);
  if (double !== undefined && kept !== undefined) {
    const mark = `removeDouble:${double.id}`;
    const message = 'Removing a second snapshot';
    return { kind: 'removeDouble', mark, snapshotId: double.id, message, progress: 40 };
  }
  if (kept?.state === 'error' || (kept === undefined && ageOf(operation, now) > believeFor)) {
    const why = kept?.reason === undefined ? '' : ` It says: ${kept.reason}`;
    return fail(facts, { code: 'StorageFailed', detail: `EC2 could not finish the snapshot.${why}` });
  }
  if (kept === undefined) return wait(facts, 'Waiting for EC2 to show the snapshot');
  if (kept.state === 'completed') return { kind: 'finishBackup', message: 'Complete', progress: 100 };
  const progress = 40 + Math.floor(kept.progress / 2);
  return { ...wait(facts, `Copying what has changed: ${kept.progress} %`), progress };
}

/** Fails, with nothing of it left behind in EC2. */
export function fail({ operation, snapshots }: BackupFacts, failure: Failure): BackupStep {
  const { progress } = operation;
  const markOf = (id: string): string => `giveUp:${failure.code}:${id}`;
  const left = snapshots.find(({ id }) => !done(operation, markOf(id)));
  if (left === undefined) return { kind: 'failBackup', failure, message: failure.detail, progress };
  const mark = markOf(left.id);
  return { kind: 'discardCut', mark, snapshotId: left.id, message: failure.detail, progress };
}

/** What was given up is not begun anew once nothing of it is left. */
export function planGivenUp(facts: BackupFacts): BackupStep | undefined {
  const { trail, message } = facts.operation;
  const [, code] = trail.find((mark) => mark.startsWith('giveUp:'))?.split(':') ?? [];
  return isErrorCode(code) ? fail(facts, { code, detail: message }) : undefined;
}
