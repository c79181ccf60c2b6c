import type { Effect } from './crash-points.ts';

const worker = 'backup-worker';
const transaction = (what: string, by: Effect['by'] = worker): Effect => ({
  by,
  service: 'dynamodb',
  action: 'TransactWriteItems',
  what,
});
const asked: Effect[] = [
  transaction('intent', 'backups-api'),
  { by: 'backups-api', service: 'states', action: 'StartExecution', what: 'start' },
];
const step = (name: string, action: string, by: Effect['by'] = worker): Effect[] => [
  transaction(`claim ${name}`, by),
  { by, service: 'ec2', action, what: name },
  transaction(`confirm ${name}`, by),
];

const onScratch = (what: string): Effect => transaction(what, 'ebs-worker');
const scratch = (name: string, action: string): Effect[] => step(name, action, 'ebs-worker');

/** The effects of operations on backups of local volumes, as {@link file://./crash-points.ts} has them of volumes. */
export const backupCrashPoints = {
  /** Of a volume that nobody uses. */
  backup: [
    ...asked,
    ...step('createSnapshot', 'CreateSnapshot'),
    transaction('say'),
    transaction('record finishBackup'),
  ],
  deleteBackup: [...asked, ...step('deleteSnapshot', 'DeleteSnapshot'), transaction('record forgetBackup')],
  /** To another Region. */
  copyBackup: [
    ...asked,
    ...step('copySnapshot', 'CopySnapshot'),
    transaction('say'),
    transaction('record finishBackup'),
  ],
  /** To a new volume. */
  restore: [
    ...asked,
    ...step('createVolume', 'CreateVolume', 'ebs-worker'),
    transaction('say', 'ebs-worker'),
    transaction('record confirmCreated', 'ebs-worker'),
  ],
  /** Of a snapshot, with a host that finds all well. */
  drill: [
    ...asked,
    ...scratch('createVolume', 'CreateVolume'),
    onScratch('say'),
    onScratch('record confirmCreated'),
    ...scratch('attachVolume', 'AttachVolume'),
    onScratch('say'),
    onScratch('record scratchAttached'),
    onScratch('record askVerify'),
    { by: 'ebs-worker', service: 'sqs', action: 'SendMessage', what: 'wake' },
    onScratch('record recordDrill'),
    // From here on it goes, whatever was found: detaching, available, deleted, purging.
    onScratch('record retire'),
    ...scratch('detachVolume', 'DetachVolume'),
    onScratch('say'),
    ...Array.from({ length: 3 }, () => onScratch('record retire')),
    ...scratch('deleteVolume', 'DeleteVolume'),
    onScratch('record finishDrill'),
  ],
} as const satisfies Readonly<Record<string, readonly Effect[]>>;
