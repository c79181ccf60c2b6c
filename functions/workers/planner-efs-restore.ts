import type { RestoreJob } from '#shared/aws/backup/recovery-points.ts';
import type { NewAccessPoint } from '#shared/aws/efs/access-points.ts';
import { clientToken } from '#shared/aws/ec2/client-token.ts';
import type { MadeFrom, RestoringItem, TaskItem } from '#shared/model/items.ts';
import { restoredAt, restoreStamp, restoreTime } from '#shared/model/restored-directory.ts';
import type { EfsFacts, EfsStep } from './planner-efs.ts';
import { ageOf, done, minutes, pace, type Failure } from './planner.ts';
import { productTags } from './product-tags.ts';

type RestoredPoint = NonNullable<MadeFrom['recoveryPoint']>;
export type LocateItem = Extract<TaskItem, { kind: 'locate' }>;

/** Of a volume that is made from a recovery point. */
export interface RestoreFacts {
  /** Which operation restores the source's directory now. */
  readonly restoring: RestoringItem | undefined;
  /** That operation goes on. */
  readonly restoringLive: boolean;
  readonly job: RestoreJob | undefined;
  /** What a host was asked for this operation. */
  readonly task: LocateItem | undefined;
}

export interface RestoreSteps {
  /** One restore of a directory at a time: what appears meanwhile is this one's. */
  claimRestore: { readonly sourceId: string };
  /** AWS Backup StartRestoreJob. */
  startRestore: { readonly token: string; readonly arn: string; readonly path: string };
  /** EFS CreateAccessPoint, temporary: rooted at the file system's root, for the host that looks. */
  createLookPoint: { readonly wanted: NewAccessPoint };
  askLocate: { readonly task: LocateItem };
  /** EFS DeleteAccessPoint, of the temporary one. */
  deleteLookPoint: { readonly accessPointId: string };
  foundDirectory: { readonly directory: string };
}

/** A job that AWS Backup has begun and does not show counts as coming for so long. */
const believeFor = minutes(40);
/** How long a host has to look. */
const hostPatience = minutes(5);
/** After its deadline a host may still be looking. */
const lateLook = minutes(2);
const mostAsked = 5;

/**
 * What is to be done until the volume's directory is restored and known; undefined once it is. AWS names the directory and no
 * call tells the name, so a host looks: it reads names at the root of the file system, and changes nothing.
 */
export function planRestore(facts: EfsFacts): EfsStep | undefined {
  const { restore, record, operation } = facts;
  const point = record.volume.madeFrom?.recoveryPoint;
  if (point === undefined || restore === undefined || point.directory !== undefined) return undefined;
  const { restoring, restoringLive, job } = restore;
  if (restoring?.operationId !== operation.id) {
    if (restoringLive) return wait(facts, 'Waiting for another restore of the same files to end');
    return { kind: 'claimRestore', sourceId: point.sourceId, message: 'Waiting for AWS Backup', progress: 5 };
  }
  if (point.jobId === undefined) return start(facts, point);
  if (job === undefined) {
    if (ageOf(operation, facts.now) < believeFor)
      return wait(facts, 'Waiting for AWS Backup to show the job');
    return fail(facts, 'AWS Backup does not show the job that it made.');
  }
  if (job.state === 'failed') return fail(facts, `AWS Backup could not restore it: ${job.reason ?? ''}`);
  if (job.state === 'completed') return locate(facts, point, job);
  const progress = 10 + Math.floor(job.progress / 2);
  return { ...wait(facts, `AWS Backup is restoring the files: ${job.progress} %`), progress };
}

function start({ operation }: EfsFacts, { arn, path }: RestoredPoint): EfsStep {
  const token = clientToken(`${operation.id}#restore`, 1);
  return { kind: 'startRestore', token, arn, path, message: 'Starting the restore job', progress: 10 };
}

/** A host is asked where it is. Its access point goes as soon as it has answered, whatever it says. */
function locate(facts: EfsFacts, point: RestoredPoint, job: RestoreJob): EfsStep {
  const { operation, restore } = facts;
  const { lookPoint } = point;
  if (lookPoint === undefined) {
    const wanted = lookPointOf(facts);
    return { kind: 'createLookPoint', wanted, message: 'Looking where AWS has put the files', progress: 65 };
  }
  const answer = restore?.task?.result;
  const found = answer?.outcome === 'done' ? (answer.found ?? []) : [];
  if (found.length === 0 && asked(facts) < mostAsked) return ask(facts, { ...point, lookPoint }, job);
  if (found.length === 0 && !isOver(facts)) return wait(facts, 'Waiting for a host to look');
  if (!done(operation, 'deleteLookPoint')) {
    const message = 'Removing the temporary access point';
    return { kind: 'deleteLookPoint', accessPointId: lookPoint, message, progress: 75 };
  }
  return choose(facts, { point, job, found });
}

interface Looked {
  readonly point: RestoredPoint;
  readonly job: RestoreJob;
  readonly found: readonly string[];
}

/** Exactly one that AWS began after the job: in doubt none is taken. */
function choose(facts: EfsFacts, { point, job, found }: Looked): EfsStep {
  const since = startOf(job, facts);
  const [name, ...more] = found.filter((entry) => (restoreTime(entry) ?? 0) >= since);
  if (name === undefined) {
    const last = facts.restore?.task?.result?.error?.detail;
    return fail(
      facts,
      `No host found the files that AWS has restored${last === undefined ? '.' : `: ${last}`}`,
    );
  }
  if (more.length > 0) return fail(facts, doubtful(found)); // guard: restored-directory
  const directory = restoredAt(name, point.path);
  return { kind: 'foundDirectory', directory, message: `The files are in ${directory}`, progress: 80 };
}

const doubtful = (found: readonly string[]): string =>
  `AWS has restored these files more than once just now: ${found.join(', ')}.`;

/** To the second, as the host compares it. */
function startOf({ createdAt }: RestoreJob, { now }: EfsFacts): number {
  return Math.floor((createdAt ?? now).getTime() / 1000) * 1000;
}

function ask(facts: EfsFacts, point: RestoredPoint & { lookPoint: string }, job: RestoreJob): EfsStep {
  const { operation, record, restore, emptiers, now } = facts;
  const hostId = emptiers[asked(facts) % Math.max(1, emptiers.length)];
  if (restore?.task !== undefined && !isOver(facts))
    return { ...wait(facts, `${restore.task.hostId} is looking where AWS has put the files`), progress: 70 };
  if (hostId === undefined) return wait(facts, 'Waiting for a host of the namespace that can look', 30);
  const task: LocateItem = {
    operationId: operation.id,
    hostId,
    volumeId: record.volume.id,
    epoch: 0,
    kind: 'locate',
    fileSystemId: point.fileSystemId,
    accessPointId: point.lookPoint,
    path: point.path,
    since: restoreStamp(new Date(startOf(job, facts))),
    deadline: new Date(now.getTime() + hostPatience).toISOString(),
    at: now.toISOString(),
    begun: false,
  };
  const mark = `askLocate:${asked(facts) + 1}`;
  return {
    kind: 'askLocate',
    mark,
    task,
    message: `Asking ${hostId} where AWS has put the files`,
    progress: 70,
  };
}

const asked = ({ operation }: EfsFacts): number =>
  operation.trail.filter((mark) => mark.startsWith('askLocate:')).length;

/** The host has answered, or will not any more. */
function isOver({ restore, now }: EfsFacts): boolean {
  const { task } = restore ?? {};
  return (
    task === undefined || task.result !== undefined || now.getTime() > Date.parse(task.deadline) + lateLook
  );
}

/** As root, since the files belong to anybody; the host mounts it read-only. */
function lookPointOf({ record: { volume } }: EfsFacts): NewAccessPoint {
  return {
    clientToken: clientToken(`${volume.id}#look`, volume.attempt),
    path: '/',
    posixUser: { uid: 0, gid: 0 },
    tags: productTags(volume),
  };
}

function fail({ operation }: EfsFacts, detail: string): EfsStep {
  const failure: Failure = {
    code: 'StorageFailed',
    detail,
    hint: 'Delete this volume, then restore the backup again.',
  };
  return { kind: 'failCreate', failure, nextAttempt: false, message: detail, progress: operation.progress };
}

/** Nothing to do but to look again. */
export function wait(
  { operation, now }: EfsFacts,
  message: string,
  seconds = pace(ageOf(operation, now)),
): EfsStep {
  return { kind: 'wait', seconds, message, progress: operation.progress };
}
