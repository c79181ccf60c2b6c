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
  /** In place of a formatted volume that is attached and idle. */
  restoreInPlace: [
    ...asked,
    { by: 'backups-api', service: 'sqs', action: 'SendMessage', what: 'wake' },
    transaction('record fence', 'ebs-worker'),
    ...step('detachVolume', 'DetachVolume', 'ebs-worker'),
    transaction('say', 'ebs-worker'),
    ...step('createSnapshot', 'CreateSnapshot', 'ebs-worker'),
    transaction('say', 'ebs-worker'),
    transaction('record keepGuard', 'ebs-worker'),
    ...step('createIncoming', 'CreateVolume', 'ebs-worker'),
    transaction('say', 'ebs-worker'),
    transaction('record exchange', 'ebs-worker'),
    ...step('deleteVolume', 'DeleteVolume', 'ebs-worker'),
    transaction('record finishRestore', 'ebs-worker'),
  ],
} as const satisfies Readonly<Record<string, readonly Effect[]>>;
