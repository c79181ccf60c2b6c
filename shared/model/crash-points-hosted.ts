import type { Effect } from './crash-points.ts';

type By = Effect['by'];
const transaction = (by: By, what: string): Effect => ({
  by,
  service: 'dynamodb',
  action: 'TransactWriteItems',
  what,
});
const record = (by: By, step: string): Effect => transaction(by, `record ${step}`);
const wake = (by: By): Effect => ({ by, service: 'sqs', action: 'SendMessage', what: 'wake' });
const upload = (by: By, action: string, what: string): Effect => ({ by, service: 's3', action, what });
const answered = record('hosts-api', 'answered');
const intent = transaction('backups-api', 'intent');
const asked: Effect[] = [
  intent,
  { by: 'backups-api', service: 'states', action: 'StartExecution', what: 'start' },
];

/** A step with an effect in AWS: claimed, performed, confirmed. */
const stepOf = (by: By, service: Effect['service']) => (name: string, action: string) => [
  transaction(by, `claim ${name}`),
  { by, service, action, what: name },
  transaction(by, `confirm ${name}`),
];
const blockStep = stepOf('ebs-worker', 'ec2');
const pointStep = stepOf('efs-worker', 'elasticfilesystem');
/** A host sends what it reads to S3. */
const sent: Effect[] = [
  ...asked,
  wake('backups-api'),
  upload('hosts-api', 'CreateMultipartUpload', 'begin'),
  record('hosts-api', 'transfer'),
  upload('hosts-api', 'CompleteMultipartUpload', 'complete'),
  record('hosts-api', 'transfer'),
  answered,
  record('backup-worker', 'finishTransfer'),
];
/** A caller sends what a host is to unpack. */
const received: Effect[] = [
  upload('backups-api', 'CreateMultipartUpload', 'begin'),
  intent,
  upload('backups-api', 'CompleteMultipartUpload', 'complete'),
  ...asked,
];
const archiveRemoved = stepOf('backup-worker', 's3')('removeArchive', 'DeleteObject');
/** A host keeps what a volume holds, and then replaces it. */
const replaced: Effect[] = [
  record('backup-worker', 'askGuard'),
  wake('backup-worker'),
  answered,
  record('backup-worker', 'keepGuard'),
  record('backup-worker', 'askFill'),
  wake('backup-worker'),
  answered,
];
const say = (by: By): Effect => transaction(by, 'say');

/**
 * The effects of operations on backups in which a host takes part, or AWS Backup, or S3, as
 * {@link file://./crash-points.ts} has them of volumes.
 */
export const hostedCrashPoints = {
  /** A backup of a local volume that its host uses: the host freezes it and calls for the cut. */
  frozenBackup: [
    ...asked,
    record('backup-worker', 'askHost'),
    wake('backup-worker'),
    ...stepOf('hosts-api', 'ec2')('cut', 'CreateSnapshot'),
    answered,
    say('backup-worker'),
    record('backup-worker', 'finishBackup'),
  ],
  /** A backup is restored to a scratch volume, which a host looks into. */
  drill: [
    ...asked,
    ...blockStep('createVolume', 'CreateVolume'),
    say('ebs-worker'),
    record('ebs-worker', 'confirmCreated'),
    ...blockStep('attachVolume', 'AttachVolume'),
    say('ebs-worker'),
    record('ebs-worker', 'scratchAttached'),
    record('ebs-worker', 'askVerify'),
    wake('ebs-worker'),
    answered,
    record('ebs-worker', 'recordDrill'),
    // Out of use, then off the host, and then on its way to nothing.
    record('ebs-worker', 'retire'),
    ...blockStep('detachVolume', 'DetachVolume'),
    say('ebs-worker'),
    record('ebs-worker', 'retire'),
    record('ebs-worker', 'retire'),
    record('ebs-worker', 'retire'),
    ...blockStep('deleteVolume', 'DeleteVolume'),
    record('ebs-worker', 'finishDrill'),
  ],
  /** Files are restored by a host that has restic and the room: the first one that is asked has not. */
  archiveDrill: [
    ...asked,
    record('backup-worker', 'askVerify'),
    wake('backup-worker'),
    answered,
    record('backup-worker', 'askVerify'),
    wake('backup-worker'),
    answered,
    record('backup-worker', 'endDrill'),
  ],
  /** A backup of a network volume. */
  recoveryPoint: [
    ...asked,
    record('backup-worker', 'sharePoint'),
    ...stepOf('backup-worker', 'backup')('startPoint', 'StartBackupJob'),
    say('backup-worker'),
    record('backup-worker', 'finishPoint'),
  ],
  /** It is restored to a new volume: a host finds the directory. */
  restoreRecoveryPoint: [
    ...asked,
    record('efs-worker', 'claimRestore'),
    ...stepOf('efs-worker', 'backup')('startRestore', 'StartRestoreJob'),
    say('efs-worker'),
    ...pointStep('createLookPoint', 'CreateAccessPoint'),
    record('efs-worker', 'askLocate'),
    wake('efs-worker'),
    answered,
    ...pointStep('deleteLookPoint', 'DeleteAccessPoint'),
    record('efs-worker', 'foundDirectory'),
    ...pointStep('createAccessPoint', 'CreateAccessPoint'),
    record('efs-worker', 'confirmCreated'),
  ],
  /** Copied to another Region, as the first that wants its recovery point there. */
  copyRecoveryPoint: [
    ...asked,
    record('backup-worker', 'sharePoint'),
    ...stepOf('backup-worker', 'backup')('copyPoint', 'StartCopyJob'),
    say('backup-worker'),
    record('backup-worker', 'finishPoint'),
  ],
  /** Removed, as the only backup that has the recovery point. */
  deleteRecoveryPoint: [
    ...asked,
    record('backup-worker', 'closePoint'),
    ...stepOf('backup-worker', 'backup')('deletePoint', 'DeleteRecoveryPoint'),
    say('backup-worker'),
    record('backup-worker', 'forgetBackup'),
  ],
  /** Files of an archive are put in the place of those of a volume that nobody uses: its host keeps these first. */
  refill: [...asked, ...replaced, record('backup-worker', 'finishRefill')],
  /** A host packs a volume's files and sends them to S3. */
  export: sent,
  /** A file of a backup as files: a host reads it from the repository and sends it to S3. */
  readArchive: sent,
  /** A caller sends an archive to S3, and a host unpacks it. */
  import: [
    ...received,
    wake('backups-api'),
    answered,
    ...archiveRemoved,
    record('backup-worker', 'finishTransfer'),
  ],
  /** The same for a volume that holds files, is attached and idle: its host keeps these first. */
  importInPlace: [
    ...received,
    wake('backups-api'),
    ...replaced,
    ...archiveRemoved,
    record('backup-worker', 'finishRefill'),
    wake('backup-worker'),
  ],
} as const satisfies Readonly<Record<string, readonly Effect[]>>;
