import type { Backup } from '#shared/model/backup.ts';
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
    ['Storage', storageText(backup)],
    [
      'Source',
      `${source.type} (driver ${source.driver})${source.filesystem ? `, ${source.filesystem}` : ''}`,
    ],
    ['Consistency', consistencyText(backup)],
    ['Hold', backup.held ? (backup.holdReason ?? 'yes') : 'none'],
    ['Cut', when(backup.cutAt)],
    ['Created', when(backup.createdAt)],
    ['Completed', when(backup.completedAt)],
  ]);
}

function storageText({ storage }: Backup): string | undefined {
  switch (storage?.kind) {
    case 'snapshot':
      return `${storage.snapshotId}, ${storage.sizeGiB} GiB`;
    case 'recovery-point':
      return `${storage.path} of ${storage.fileSystemId} in ${storage.recoveryPointArn}`;
    default:
      return undefined;
  }
}

function consistencyText({ consistency, frozenMs, pointInTime }: Backup): string {
  const frozen = frozenMs === undefined ? '' : `, frozen for ${frozenMs.toFixed(0)} ms`;
  return `${consistency}${frozen}${pointInTime ? '' : ', not a point in time'}`;
}
