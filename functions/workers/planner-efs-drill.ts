import type { HostRecord } from '#shared/aws/table/records.ts';
import type { BackupItem, TaskItem } from '#shared/model/items.ts';
import type { DrillFinding } from '#shared/model/rules-drill.ts';
import type { VolumeState } from '#shared/model/states.ts';
import { outcomeOf, verdictOn } from './drill-verdict.ts';
import type { EfsFacts, EfsStep } from './planner-efs.ts';
import { ageOf, done, minutes, pace } from './planner.ts';
import { hostPatience, readPatience } from './scratch-patience.ts';

type AskedItem = Extract<TaskItem, { kind: 'verify-files' }>;

/** Of a drill of a recovery point. */
export interface EfsDrillFacts {
  readonly backup: BackupItem | undefined;
  /** What the host was asked. */
  readonly task: AskedItem | undefined;
  /** The host that looks. */
  readonly target: HostRecord | undefined;
  /** The volume itself, as a host mounts it, while it is there. */
  readonly live: AskedItem['live'];
}

export interface EfsDrillSteps {
  /** The copy's access point is there; the drill goes on. */
  scratchReady: Record<never, never>;
  askVerify: { readonly task: AskedItem };
  /** Writes the outcome down; from now on the scratch volume is removed. */
  recordDrill: { readonly finding: DrillFinding };
  /** The scratch volume on its way out, by the table of states. */
  retire: { readonly to: VolumeState };
  /** The scratch volume is gone. Ends a drill. */
  finishDrill: Record<never, never>;
}

/** The ways of any volume of the file system: to its storage, and out of it. */
export interface Ways {
  readonly create: (facts: EfsFacts) => EfsStep;
  readonly purge: (facts: EfsFacts) => EfsStep;
}

/** AWS says nothing of how long a restore may take; it is not tried for longer than that. */
const restorePatience = minutes(12 * 60);
/** The clocks of AWS Backup and of the file system may be that far apart. */
const clockMargin = 5_000;

/**
 * A drill of a recovery point: its directory is restored beside the volume's, a host reads it and compares it with the volume,
 * what was found is written down; and then, whatever that was, the directory is emptied and its access point goes.
 */
export function planEfsDrill(facts: EfsFacts, ways: Ways): EfsStep {
  return done(facts.operation, 'recordDrill') ? planEnd(facts, ways) : planLook(facts, ways);
}

function planLook(facts: EfsFacts, ways: Ways): EfsStep {
  const { record, scratch, operation, now } = facts;
  if (scratch?.backup === undefined)
    return found(facts, { outcome: 'failed', detail: 'The backup is gone.' });
  if (record.volume.state === 'creating') {
    if (ageOf(operation, now) > restorePatience)
      return found(facts, { outcome: 'overdue', detail: 'It was not restored within 12 hours.' });
    return planCopy(facts, ways);
  }
  if (scratch.task === undefined) return ask(facts, scratch.backup);
  const { task, target } = scratch;
  const finding = verdictOn({ target, now }, task);
  if (finding !== undefined) return found(facts, finding);
  return { ...wait(facts, `${task.hostId} is looking into the copy`), progress: 70 };
}

function planCopy(facts: EfsFacts, ways: Ways): EfsStep {
  const step = ways.create(facts);
  if (step.kind === 'confirmCreated') return { ...step, kind: 'scratchReady', progress: 50 };
  if (step.kind !== 'failCreate') return { ...step, progress: Math.floor(step.progress / 2) };
  const { code, detail } = step.failure;
  return found(facts, { outcome: outcomeOf(code), detail });
}

function ask(facts: EfsFacts, { id, cutAt, createdAt }: BackupItem): EfsStep {
  const { operation, record, scratch, now } = facts;
  const { storage } = record.volume;
  const hostId = operation.host ?? '';
  if (storage?.kind !== 'efs')
    return found(facts, { outcome: 'failed', detail: 'The copy has no access point.' });
  const { fileSystemId, accessPointId } = storage;
  const { live } = scratch ?? {};
  return {
    kind: 'askVerify',
    task: {
      kind: 'verify-files',
      operationId: operation.id,
      hostId,
      volumeId: record.volume.id,
      epoch: 0,
      deadline: new Date(now.getTime() + hostPatience).toISOString(),
      at: now.toISOString(),
      begun: false,
      backupId: id,
      copy: { fileSystemId, accessPointId },
      ...(live === undefined ? {} : { live }),
      settledBefore: new Date(Date.parse(cutAt ?? createdAt) - clockMargin).toISOString(),
      patienceSeconds: readPatience / 1000,
      ...(operation.check === undefined ? {} : { check: operation.check }),
    },
    message: `Asking ${hostId} to look into the copy`,
    progress: 60,
  };
}

function found({ operation }: EfsFacts, finding: DrillFinding): EfsStep {
  const progress = Math.max(80, operation.progress);
  return { kind: 'recordDrill', finding, message: finding.detail, progress };
}

/** What follows when AWS refuses a step of a drill for good. */
export function planEfsDrillRefusal(facts: EfsFacts, detail: string): EfsStep {
  if (!done(facts.operation, 'recordDrill')) return found(facts, { outcome: 'failed', detail });
  // The copy must go: somebody must lift the refusal.
  return { ...wait(facts, detail, 60), progress: facts.operation.progress };
}

const wayOut: Readonly<Partial<Record<VolumeState, VolumeState>>> = {
  creating: 'failed',
  available: 'deleted',
  failed: 'deleted',
  deleted: 'purging',
};

function planEnd(facts: EfsFacts, ways: Ways): EfsStep {
  const message = facts.operation.error?.detail ?? 'Passed';
  return retire(facts, ways) ?? { kind: 'finishDrill', message, progress: 100 };
}

/** Removes the copy, whatever state it is in; undefined once nothing of it is left but its record. */
export function retire(facts: EfsFacts, ways: Ways): EfsStep | undefined {
  const to = wayOut[facts.record.volume.state];
  const say = { message: 'Removing the copy', progress: 85 };
  if (to !== undefined) return { kind: 'retire', mark: `retire:${to}`, to, ...say };
  const step = ways.purge(facts);
  return step.kind === 'forget' ? undefined : { ...step, progress: Math.max(85, step.progress) };
}

function wait({ operation, now }: EfsFacts, message: string, seconds = pace(ageOf(operation, now))): EfsStep {
  return { kind: 'wait', seconds, message, progress: operation.progress };
}
