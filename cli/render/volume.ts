import type { AttachmentView, Volume } from '#shared/model/volume.ts';
import { hooksText } from './hooks.ts';
import { details } from './table.ts';
import { ago, until } from './time.ts';

export type Columns<T> = Readonly<Record<string, (item: T) => string>>;

export function volumeColumns(now: number): Columns<Volume> {
  return {
    NAME: ({ name }) => name,
    TYPE: ({ type }) => type,
    DRIVER: ({ driver }) => driver,
    SIZE: ({ size }) => size ?? '',
    STATE: ({ state }) => state,
    HOSTS: ({ hosts }) => hosts.join(','),
    LABELS: ({ labels }) => pairs(labels),
    CREATED: ({ createdAt }) => ago(createdAt, now),
  };
}

export function deletedColumns(now: number): Columns<Volume> {
  return {
    NAME: ({ name }) => name,
    ID: ({ id }) => id,
    TYPE: ({ type }) => type,
    SIZE: ({ size }) => size ?? '',
    STATE: ({ state }) => state,
    DELETED: ({ deletedAt }) => (deletedAt === undefined ? '' : ago(deletedAt, now)),
    'STORAGE FREED': ({ purgeAt }) => (purgeAt === undefined ? '' : until(purgeAt, now)),
    'FINAL BACKUP': ({ finalBackup }) => finalBackup ?? '',
  };
}

/** Everything about one volume, a line each. */
export function volumeDetails(volume: Volume, now: number): string {
  return details([...identity(volume), ...storage(volume), ...rules(volume), ...history(volume, now)]);
}

type Lines = (readonly [string, string | undefined])[];

function identity(volume: Volume): Lines {
  return [
    ['Name', volume.name],
    ['Namespace', volume.namespace],
    ['Id', volume.id],
    ['Description', volume.description],
    ['Type', `${volume.type} (driver ${volume.driver})`],
    ['State', volume.reason === undefined ? volume.state : `${volume.state}: ${volume.reason}`],
    ['Operation', volume.operation],
    ['Labels', pairs(volume.labels)],
    ['Options', pairs(volume.options)],
  ];
}

function storage(volume: Volume): Lines {
  const provisioned =
    volume.provisionedGiB === undefined ? '' : ` (${volume.provisionedGiB} GiB provisioned)`;
  return [
    ['Size', volume.size === undefined ? undefined : `${volume.size}${provisioned}`],
    ['Storage', storageText(volume)],
    ['Zone', volume.availabilityZone],
    ['Filesystem', volume.filesystem === undefined ? undefined : `${volume.filesystem}, ${volume.format}`],
    ['Owner', `${volume.owner.uid}:${volume.owner.gid}, mode ${volume.owner.mode}`],
    ...(volume.attachments ?? []).map((attachment) => ['Attached to', attachmentText(attachment)] as const),
  ];
}

function storageText({ storage: ref }: Volume): string | undefined {
  if (ref === undefined) return undefined;
  return ref.kind === 'ebs'
    ? `EBS ${ref.volumeId} (${ref.volumeType})`
    : `EFS ${ref.fileSystemId}, access point ${ref.accessPointId}, ${ref.path}`;
}

/** Of an idle attachment, mountpoint and containers are what the host last reported, and no longer so. */
function attachmentText({ host, readOnly, inUse, mountpoint, containers }: AttachmentView): string {
  const parts = [
    host,
    inUse ? 'in use' : 'idle',
    readOnly ? 'read-only' : '',
    inUse ? (mountpoint ?? '') : '',
    inUse && containers.length > 0 ? `containers ${containers.map(shortId).join(' ')}` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function rules(volume: Volume): Lines {
  const yes = (flag: boolean): string => (flag ? 'yes' : 'no');
  return [
    ['Read-only', yes(volume.readOnly)],
    ['Encrypted', yes(volume.encrypted)],
    ['Protected', yes(volume.protected)],
    ['Backups', volume.backups?.consistency],
    ['Hooks', hooksText(volume.backups?.hooks)],
  ];
}

function history(volume: Volume, now: number): Lines {
  const when = (iso: string | undefined): string | undefined =>
    iso === undefined ? undefined : `${iso} (${ago(iso, now)})`;
  return [
    ['Created', `${when(volume.createdAt)} by ${volume.createdBy}`],
    ['Updated', `${when(volume.updatedAt)}, revision ${volume.revision}`],
    ['Deleted', when(volume.deletedAt)],
    [
      'Storage freed',
      volume.purgeAt === undefined ? undefined : `${volume.purgeAt} (${until(volume.purgeAt, now)})`,
    ],
    ['Final backup', volume.finalBackup],
    [
      'Last backup',
      volume.lastBackup === undefined ? undefined : `${when(volume.lastBackup.at)}, ${volume.lastBackup.id}`,
    ],
    ['Last verified', verifiedText(volume, now)],
  ];
}

function verifiedText({ lastVerified }: Volume, now: number): string | undefined {
  if (lastVerified === undefined) return undefined;
  const { at, id, restoreSeconds } = lastVerified;
  return `${at} (${ago(at, now)}), ${id}, restored in ${restoreSeconds.toFixed(0)} s`;
}

function pairs(record: Readonly<Record<string, string>>): string {
  return Object.entries(record)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** Docker shows twelve digits of a container's id; a name stays whole. */
export function shortId(container: string): string {
  return /^[0-9a-f]{64}$/.test(container) ? container.slice(0, 12) : container;
}
