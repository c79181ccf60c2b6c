import { BackupClient, ListRecoveryPointsByBackupVaultCommand } from '@aws-sdk/client-backup';
import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { clientConfig } from '#local/cloud/deploy.ts';
import { transferPrefix } from '#shared/model/archive-transfer.ts';
import type { TestCloud } from './cloud.ts';

/** What operations on backups could leave in AWS: ids, sorted. */
export interface InAws {
  readonly snapshots: readonly string[];
  readonly volumes: readonly string[];
  readonly recoveryPoints: readonly string[];
  readonly uploads: readonly string[];
  readonly archives: readonly string[];
}

/** Looks with the deployer's keys: the whole truth, not what the product believes. */
export async function inAws({ file, storage }: TestCloud): Promise<InAws> {
  const s3 = new S3Client({ ...clientConfig(file), forcePathStyle: true });
  const Bucket = file.stack?.['ArchiveBucketName'] ?? '';
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: transferPrefix }));
  const points = await new BackupClient(clientConfig(file)).send(
    new ListRecoveryPointsByBackupVaultCommand({ BackupVaultName: file.stack?.['BackupVaultName'] }),
  );
  return {
    snapshots: (await storage.snapshots()).map(({ id }) => id).toSorted(),
    volumes: (await storage.volumes()).map(({ id }) => id).toSorted(),
    recoveryPoints: (points.RecoveryPoints ?? [])
      .map(({ RecoveryPointArn }) => RecoveryPointArn ?? '')
      .toSorted(),
    uploads: Uploads.map(({ Key, UploadId }) => `${Key} ${UploadId}`).toSorted(),
    archives: Contents.map(({ Key }) => Key ?? '').toSorted(),
  };
}
