import type { Backup, BackupStorage } from '#shared/model/backup.ts';
import type { HookRun } from '#shared/model/consistency.ts';
import { bytesText } from './bytes.ts';
import { details } from './table.ts';
import { ago } from './time.ts';
import type { Columns } from './volume.ts';

export function backupColumns(now: number): Columns<Backup> {
  return {
    ID: ({ id }) => id,
    VOLUME: ({ volume }) => volume,
    KIND: ({ kind }) => kind,
    STATE: ({ state }) => state,
    ORIGIN: ({ origin }) => origin,
    REGION: ({ region }) => region,
    SIZE: sizeText,
    ADDED: addedText,
    CUT: ({ cutAt }) => (cutAt === undefined ? '' : ago(cutAt, now)),
    HELD: ({ held }) => (held ? 'yes' : ''),
    CREATED: ({ createdAt }) => ago(createdAt, now),
  };
}

/** Everything about one backup, a line each. */
export function backupDetails(backup: Backup, now: number): string {
  const when = (iso: string | undefined): string | undefined =>
    iso === undefined ? undefined : `${iso} (${ago(iso, now)})`;
  const { source } = backup;
  return details([
    ['Id', backup.id],
    ['Volume', `${backup.volume} (${backup.volumeId})`],
    ['Namespace', backup.namespace],
    ['Description', backup.description],
    ['Kind', backup.kind],
    ['State', backup.reason === undefined ? backup.state : `${backup.state}: ${backup.reason}`],
    ['Operation', backup.operation],
    ['Origin', `${backup.origin}, by ${backup.createdBy}`],
    ['Policy', backup.policy],
    ['Region', backup.region],
    ['Copy of', backup.copyOf],
    ['Storage', storageText(backup)],
    ['Size', sizeText(backup) || undefined],
    ['Added', addedText(backup) || undefined],
    ['Notes', notesText(backup)],
    [
      'Source',
      `${source.type} (driver ${source.driver})${source.filesystem ? `, ${source.filesystem}` : ''}`,
    ],
    ['Consistency', consistencyText(backup)],
    ...(backup.hookRuns ?? []).map((run): [string, string] => [`Hook ${run.when}`, hookRunText(run)]),
    ['Manifest', manifestText(backup)],
    [
      'Last drill',
      backup.drill === undefined ? undefined : `${drillText(backup)} (${ago(backup.drill.at, now)})`,
    ],
    ['Last verified', verifiedText(backup, now)],
    ['Hold', backup.held ? (backup.holdReason ?? 'yes') : 'none'],
    ['Cut', when(backup.cutAt)],
    ['Created', when(backup.createdAt)],
    ['Completed', when(backup.completedAt)],
  ]);
}

/** How its last drill ended, in a line. */
export function drillText({ drill }: Backup): string | undefined {
  if (drill === undefined) return undefined;
  const took = drill.restoreSeconds === undefined ? '' : `, restored in ${drill.restoreSeconds.toFixed(0)} s`;
  return `${drill.outcome}${took}: ${drill.detail}`;
}

function verifiedText({ verified }: Backup, now: number): string | undefined {
  if (verified === undefined) return undefined;
  return `${verified.at} (${ago(verified.at, now)}), restored in ${verified.restoreSeconds.toFixed(0)} s`;
}

function manifestText({ manifest }: Backup): string | undefined {
  return manifest === undefined ? undefined : `${manifest.entries} entries, ${manifest.hashed} with a hash`;
}

function storageText({ storage }: Backup): string | undefined {
  switch (storage?.kind) {
    case 'snapshot':
      return `${storage.snapshotId}, ${storage.sizeGiB} GiB`;
    case 'recovery-point':
      return `${storage.path} of ${storage.fileSystemId} in ${storage.recoveryPointArn}`;
    case 'archive':
      return archiveText(storage);
    default:
      return undefined;
  }
}

function archiveText({ repository, path, snapshot }: BackupStorage & { kind: 'archive' }): string {
  const { prefix, other } = repository;
  const where = other === undefined ? prefix : `${other.endpoint}/${other.bucket}/${prefix}`;
  if (snapshot === undefined) return where;
  return `snapshot ${snapshot.snapshotId.slice(0, 8)} of ${path} in ${where}, ${snapshot.files} files`;
}

/** What a restore needs at least, or what the files hold. */
function sizeText({ storage }: Backup): string {
  if (storage?.kind === 'snapshot') return `${storage.sizeGiB} GiB`;
  return storage?.kind === 'archive' ? bytesText(storage.snapshot?.sizeBytes) : '';
}

/** What it made the repository grow by. */
function addedText({ storage }: Backup): string {
  return storage?.kind === 'archive' ? bytesText(storage.snapshot?.addedBytes) : '';
}

function notesText({ storage }: Backup): string | undefined {
  const notes = storage?.kind === 'archive' ? storage.snapshot?.notes : undefined;
  return notes === undefined || notes.length === 0 ? undefined : notes.join('; ');
}

function consistencyText({ consistency, frozenMs, pointInTime }: Backup): string {
  const frozen = frozenMs === undefined ? '' : `, frozen for ${frozenMs.toFixed(0)} ms`;
  return `${consistency}${frozen}${pointInTime ? '' : ', not a point in time'}`;
}

function hookRunText({ container, ok, code, ms, output, error }: HookRun): string {
  const end = ok ? 'done' : `failed${code === undefined ? '' : ` (exit code ${code})`}`;
  const said = [error, output].filter((text) => text !== undefined && text !== '').join('; ');
  return `${end} in ${container} after ${ms} ms${said === '' ? '' : `: ${said}`}`;
}
