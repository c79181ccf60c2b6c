import type { ErrorCode } from '#shared/model/errors.ts';
import type { BackupItem, TaskItem } from '#shared/model/items.ts';
import { noDrillHost, type DrillFinding } from '#shared/model/rules-drill.ts';
import { verdictOn } from '../drill-verdict.ts';
import { hostPatience, readPatience } from '../scratch-patience.ts';
import { waitingFor } from '../waited-host.ts';
import { wait, type BackupFacts, type BackupStep } from './steps.ts';

/** So many hosts are asked whether they can restore it. */
const mostAsked = 5;
/** No restic there, or no room: another host may have it. */
const unable: ReadonlySet<string> = new Set<ErrorCode>(['NotSupported', 'LimitExceeded']);
const marked = 'askVerify:';

/**
 * A drill of an archive: a host restores it to a directory of its own, compares it with the manifest, and removes it again. In
 * AWS nothing is made, so nothing is to be removed. Without a host that can, the drill is overdue.
 */
export function planArchiveDrill(facts: BackupFacts): BackupStep {
  const { backup, task, archive, now } = facts;
  if (backup === undefined) return found(facts, { outcome: 'failed', detail: 'The backup is gone.' });
  if (task === undefined) return askNext(facts, backup);
  const finding = verdictOn({ target: archive?.host, now }, task);
  if (finding === undefined) {
    const says = waitingFor({ host: archive?.host, now }, task, 'restores the files and looks into them');
    return { ...wait(facts, says), progress: 60 };
  }
  const { code } = task.result?.error ?? {};
  return unable.has(code ?? '') ? askNext(facts, backup, finding.detail) : found(facts, finding); // guard: no-restic-is-overdue off: return found(facts, finding);
}

/** The next host that was not asked yet. @param why - none of those before could */
function askNext(facts: BackupFacts, backup: BackupItem, why?: string): BackupStep {
  const { operation, archive } = facts;
  const asked = operation.trail.filter((mark) => mark.startsWith(marked));
  const [next] = (archive?.candidates ?? []).filter(
    (id) => (operation.host ?? id) === id && !asked.includes(`${marked}${id}`),
  );
  if (next === undefined || asked.length >= mostAsked) {
    const { detail } = noDrillHost(backup, operation.host);
    return found(facts, { outcome: 'overdue', detail: why ?? detail });
  }
  const task = taskFor(facts, backup, next);
  if (task === undefined) return found(facts, { outcome: 'failed', detail: 'The backup holds no files.' });
  return {
    kind: 'askVerify',
    mark: `${marked}${next}`,
    task,
    message: `Asking ${next} to restore the files`,
    progress: 20,
  };
}

function taskFor(
  { operation, record, now }: BackupFacts,
  { id, storage, manifest }: BackupItem,
  hostId: string,
): TaskItem | undefined {
  if (storage?.kind !== 'archive' || storage.snapshot === undefined) return undefined;
  const { snapshotId, files, sizeBytes } = storage.snapshot;
  return {
    operationId: operation.id,
    hostId,
    volumeId: record.volume.id,
    epoch: 0,
    kind: 'verify-archive',
    backupId: id,
    repository: storage.repository,
    path: storage.path,
    snapshotId,
    files,
    sizeBytes,
    patienceSeconds: readPatience / 1000,
    deadline: new Date(now.getTime() + hostPatience).toISOString(),
    at: now.toISOString(),
    begun: false,
    ...(manifest === undefined ? {} : { manifest }),
    ...(operation.check === undefined ? {} : { check: operation.check }),
  };
}

function found({ operation }: BackupFacts, finding: DrillFinding): BackupStep {
  return { kind: 'endDrill', finding, message: finding.detail, progress: Math.max(80, operation.progress) };
}
