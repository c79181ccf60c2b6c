import type { HostRecord } from '#shared/aws/table/records.ts';
import { errorCodes, isErrorCode, type ErrorCode } from '#shared/model/errors.ts';
import type { TaskItem } from '#shared/model/items.ts';
import { judgeReport, type DrillFinding } from '#shared/model/rules-drill.ts';
import type { VolumeState } from '#shared/model/states.ts';
import { planAttach } from './planner-ebs-attach.ts';
import { planLeave } from './planner-ebs-detach.ts';
import { mayAppearYet, wait, type EbsFacts, type EbsStep } from './planner-ebs-steps.ts';
import { done, minutes } from './planner.ts';

/** How long a host has to begin to look. */
const hostPatience = minutes(10);
/** How long it may compare; a larger volume needs a drill by hand. */
const comparePatience = minutes(240);
/** Its filesystem check and the person's own come on top. */
const lateReport = minutes(30);

/**
 * A drill: a scratch volume is made from the backup, attached, looked into by the host; what was found is written down; and
 * then, whatever that was, the scratch volume goes. The operation ends when nothing of it is left.
 */
export function planDrill(facts: EbsFacts): EbsStep {
  return done(facts.operation, 'recordDrill') ? planEnd(facts) : planLook(facts); // guard: drill-cleans off: return done(facts.operation, 'recordDrill') ? { kind: 'finishDrill', message: '', progress: 100 } : planLook(facts);
}

function planLook(facts: EbsFacts): EbsStep {
  const { record, drill } = facts;
  if (drill?.backup === undefined) return found(facts, { outcome: 'failed', detail: 'The backup is gone.' });
  if (record.volume.state !== 'attached') return planRestore(facts);
  return drill.task === undefined ? ask(facts) : judge(facts, drill.task);
}

/** The way of any volume to its host; what would be taken back there ends the drill here. */
function planRestore(facts: EbsFacts): EbsStep {
  const step = planAttach(facts);
  if (step.kind === 'confirmAttached') return { ...step, kind: 'scratchAttached', progress: 50 };
  if (step.kind !== 'takeBack' && step.kind !== 'failCreate')
    return { ...step, progress: Math.floor(step.progress / 2) };
  const { code, detail } = step.failure;
  return found(facts, { outcome: couldNotTry.has(code) ? 'overdue' : 'failed', detail });
}

/** Of the host or the time, and no word on the backup. */
const couldNotTry: ReadonlySet<ErrorCode> = new Set([
  'HostNotFound',
  'LimitExceeded',
  'StaleEpoch',
  'TimedOut',
  'Unavailable',
  'Throttled',
]);

function ask(facts: EbsFacts): EbsStep {
  const { operation, record, drill, now } = facts;
  const { volume, lease } = record;
  const hostId = operation.host ?? '';
  const format = lease?.filesystem;
  if (format?.state !== 'formatted' || volume.storage?.kind !== 'ebs' || drill?.backup === undefined)
    return found(facts, { outcome: 'failed', detail: 'The backup holds no filesystem.' });
  const { id: backupId, manifest } = drill.backup;
  return {
    kind: 'askVerify',
    task: {
      kind: 'verify',
      operationId: operation.id,
      hostId,
      volumeId: volume.id,
      epoch: operation.epoch ?? 0,
      deadline: new Date(now.getTime() + hostPatience).toISOString(),
      at: now.toISOString(),
      begun: false,
      backupId,
      serial: volume.storage.volumeId,
      filesystem: { type: format.type, uuid: format.uuid },
      patienceSeconds: comparePatience / 1000,
      ...(manifest === undefined ? {} : { manifest }),
      ...(operation.check === undefined ? {} : { check: operation.check }),
    },
    message: `Asking ${hostId} to look into the copy`,
    progress: 60,
  };
}

function judge(facts: EbsFacts, task: TaskItem): EbsStep {
  const { target, now } = facts;
  const { result, hostId } = task;
  if (result?.verify !== undefined) return found(facts, judgeReport(result.verify));
  if (result !== undefined) return found(facts, refusedBy(task));
  if (target === undefined || isGone(target, now) || now.getTime() > latest(task))
    return found(facts, { outcome: 'overdue', detail: `${hostId} has not looked into the copy in time.` });
  return { ...wait(facts, `${hostId} is looking into the copy`), progress: 70 };
}

function latest({ deadline }: TaskItem): number {
  return Date.parse(deadline) + comparePatience + lateReport;
}

/** Its agent says nothing any more: it does not look either. */
function isGone({ host, seen }: HostRecord, now: Date): boolean {
  const seenAt = Date.parse(seen?.at ?? host.lastSeenAt);
  return host.instanceState === 'terminated' || now.getTime() - seenAt > hostPatience;
}

function refusedBy({ hostId, result }: TaskItem): DrillFinding {
  const { code = 'CommandFailed', detail = 'no reason' } = result?.error ?? {};
  const passing = isErrorCode(code) && (couldNotTry.has(code) || errorCodes[code].retryable);
  const isOverdue = passing && code !== 'CommandFailed';
  return { outcome: isOverdue ? 'overdue' : 'failed', detail: `${hostId}: ${detail}`.slice(0, 2048) };
}

function found({ operation }: EbsFacts, finding: DrillFinding): EbsStep {
  return {
    kind: 'recordDrill',
    finding,
    message: finding.detail,
    progress: Math.max(80, operation.progress),
  };
}

/** What follows when AWS refuses a step of a drill for good. */
export function planDrillRefusal(facts: EbsFacts, detail: string): EbsStep {
  if (!done(facts.operation, 'recordDrill')) return found(facts, { outcome: 'failed', detail });
  // The scratch volume must go: somebody must lift the refusal.
  return { ...wait(facts, detail, 60), progress: facts.operation.progress };
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

function planEnd(facts: EbsFacts): EbsStep {
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
  return { kind: 'finishDrill', message: operation.error?.detail ?? 'Passed', progress: 100 };
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
