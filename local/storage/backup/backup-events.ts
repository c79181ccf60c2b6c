import type { Cloud } from '../cloud.ts';
import type { BackupJob, CopyJob, RestoreJob } from '../state/entities.ts';

/** "Backup Job State Change". */
export function emitBackupEvent(cloud: Cloud, job: BackupJob): void {
  cloud.events.emit({
    region: job.region,
    source: 'aws.backup',
    detailType: 'Backup Job State Change',
    resources: [job.recoveryPointArn],
    detail: {
      backupJobId: job.id,
      backupSizeInBytes: String(job.sizeInBytes ?? 0),
      backupVaultName: job.vaultName,
      backupVaultArn: `arn:aws:backup:${job.region}:${cloud.settings.account}:backup-vault:${job.vaultName}`,
      creationDate: job.creationTime,
      completionDate: job.completionTime,
      iamRoleArn: job.iamRoleArn,
      resourceArn: job.resourceArn,
      resourceType: 'EFS',
      state: job.state,
      percentDone: job.state === 'COMPLETED' ? 100 : 0,
    },
  });
}

/** "Restore Job State Change". */
export function emitRestoreEvent(cloud: Cloud, job: RestoreJob): void {
  cloud.events.emit({
    region: job.region,
    source: 'aws.backup',
    detailType: 'Restore Job State Change',
    resources: [job.recoveryPointArn],
    detail: {
      restoreJobId: job.id,
      creationDate: job.creationTime,
      completionDate: job.completionTime,
      iamRoleArn: job.iamRoleArn,
      resourceType: 'EFS',
      status: job.state,
      createdResourceArn: job.createdResourceArn,
    },
  });
}

/** "Copy Job State Change". */
export function emitCopyEvent(cloud: Cloud, job: CopyJob): void {
  cloud.events.emit({
    region: job.region,
    source: 'aws.backup',
    detailType: 'Copy Job State Change',
    resources: [job.sourceArn],
    detail: {
      copyJobId: job.id,
      sourceBackupVaultArn: job.sourceVaultArn,
      destinationBackupVaultArn: job.targetVaultArn,
      destinationRecoveryPointArn: job.targetArn,
      creationDate: job.creationTime,
      completionDate: job.completionTime,
      iamRoleArn: job.iamRoleArn,
      resourceType: 'EFS',
      state: job.state,
    },
  });
}
