import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { clearTransfers, copyManifests, removeManifests } from '../permissions/archive.ts';
import { onCopies } from '../permissions/copies.ts';
import { onSnapshots, onVolumes } from '../permissions/ec2.ts';
import { onAccessPoints } from '../permissions/efs.ts';
import { hostQueuePrefix, sendToHosts } from '../permissions/queues.ts';
import {
  copyRecoveryPoints,
  onRecoveryPoints,
  restoreRecoveryPoints,
} from '../permissions/recovery-points.ts';
import { removeRepositories } from '../permissions/repositories.ts';
import { onTable } from '../permissions/table.ts';
import type { StorageStack } from '../stacks/storage.stack.ts';
import { ProductFunction } from './product-function.ts';

export interface WorkersProps {
  readonly config: Config;
  readonly storage: StorageStack;
}

/**
 * One step of one operation: two AWS calls with their repeats. A worker that dies leaves its volume alone for as long, and 5 s
 * more (contract 8), so it is not longer than it must be.
 */
const timeout = Duration.seconds(30);

/** The functions that change EC2 and EFS, a step at a time. */
export class Workers extends Construct {
  readonly ebsWorker: ProductFunction<'ebs-worker'>;
  readonly efsWorker: ProductFunction<'efs-worker'>;
  readonly backupWorker: ProductFunction<'backup-worker'>;

  constructor(scope: Construct, id: string, { config, storage }: WorkersProps) {
    super(scope, id);
    const environment = {
      TABLE_NAME: storage.table.tableName,
      QUEUE_PREFIX: hostQueuePrefix,
      UNDO_WINDOW_HOURS: String(config.undoWindowHours),
    };
    const recovery = recoveryOf(storage);
    this.ebsWorker = new ProductFunction(this, 'EbsWorker', {
      name: 'ebs-worker',
      environment: {
        ...environment,
        VOLUME_KEY_ARN: storage.volumeKey.keyArn,
        ARCHIVE_BUCKET_NAME: storage.archive.bucketName,
      },
      permissions: [
        ...onTable(storage),
        sendToHosts(this),
        ...onVolumes(this, storage.volumeKey),
        clearTransfers(storage),
      ],
      timeout,
    });
    this.efsWorker = new ProductFunction(this, 'EfsWorker', {
      name: 'efs-worker',
      environment: {
        ...environment,
        ...recovery,
        FILE_SYSTEM_ID: storage.files.fileSystemId,
        ARCHIVE_BUCKET_NAME: storage.archive.bucketName,
      },
      permissions: [
        ...onTable(storage),
        sendToHosts(this),
        ...onAccessPoints(this, storage.files),
        ...restoreRecoveryPoints(this, storage.recovery),
        clearTransfers(storage),
      ],
      timeout,
    });
    this.backupWorker = this.#backupWorker({ config, storage });
  }

  #backupWorker({ config, storage }: WorkersProps): ProductFunction<'backup-worker'> {
    return new ProductFunction(this, 'BackupWorker', {
      name: 'backup-worker',
      environment: {
        ...recoveryOf(storage),
        TABLE_NAME: storage.table.tableName,
        QUEUE_PREFIX: hostQueuePrefix,
        VOLUME_KEY_ARN: storage.volumeKey.keyArn,
        ARCHIVE_BUCKET_NAME: storage.archive.bucketName,
        COPY_KEYS: JSON.stringify(config.copyKeys),
        COPY_VAULTS: JSON.stringify(config.copyVaults),
      },
      permissions: [
        ...onTable(storage),
        sendToHosts(this),
        ...onSnapshots(this),
        ...onCopies(this, { home: storage.volumeKey, keys: config.copyKeys }),
        ...onRecoveryPoints(this, storage.recovery),
        ...copyRecoveryPoints(this, storage.recovery),
        clearTransfers(storage),
        ...removeManifests(storage),
        ...copyManifests(storage),
        ...removeRepositories(this, storage),
      ],
      timeout,
    });
  }
}

function recoveryOf({ recovery, files }: StorageStack) {
  return {
    BACKUP_VAULT_NAME: recovery.vaultName,
    BACKUP_ROLE_ARN: recovery.roleArn,
    FILE_SYSTEM_ARN: files.fileSystemArn,
  };
}
