import type { Handler } from '../cloud.ts';
import { describeBackupJob, listBackupJobs, startBackupJob } from './backup-jobs.ts';
import { describeCopyJob, startCopyJob } from './copy-jobs.ts';
import {
  deleteRecoveryPoint,
  describeRecoveryPoint,
  getRecoveryPointRestoreMetadata,
  listRecoveryPointsByBackupVault,
  listRecoveryPointsByResource,
  listTags,
} from './recovery-points.ts';
import { describeRestoreJob, listRestoreJobs, startRestoreJob } from './restore-jobs.ts';
import { createBackupVault, deleteBackupVault, describeBackupVault, listBackupVaults } from './vaults.ts';

/** AWS Backup's operations, by AWS's names. */
export const backupOperations: Readonly<Record<string, Handler>> = {
  CreateBackupVault: createBackupVault,
  DeleteBackupVault: deleteBackupVault,
  DeleteRecoveryPoint: deleteRecoveryPoint,
  DescribeBackupJob: describeBackupJob,
  DescribeBackupVault: describeBackupVault,
  DescribeCopyJob: describeCopyJob,
  DescribeRecoveryPoint: describeRecoveryPoint,
  DescribeRestoreJob: describeRestoreJob,
  GetRecoveryPointRestoreMetadata: getRecoveryPointRestoreMetadata,
  ListBackupJobs: listBackupJobs,
  ListBackupVaults: listBackupVaults,
  ListRecoveryPointsByBackupVault: listRecoveryPointsByBackupVault,
  ListRecoveryPointsByResource: listRecoveryPointsByResource,
  ListRestoreJobs: listRestoreJobs,
  ListTags: listTags,
  StartBackupJob: startBackupJob,
  StartCopyJob: startCopyJob,
  StartRestoreJob: startRestoreJob,
};
