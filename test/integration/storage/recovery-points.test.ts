import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupClient, CreateBackupVaultCommand } from '@aws-sdk/client-backup';
import { afterAll } from 'vitest';
import { AwsRecoveryPoints } from '#shared/aws/backup/aws-recovery-points.ts';
import { realTime } from '#test/support/block-storage-contract.ts';
import { recoveryPointsContract } from '#test/support/recovery-points-contract.ts';
import { credentials, TestStorage } from './support/storage.ts';

const fileSystemId = 'fs-0123456789abcdef0';
const vaultName = 'product';
let service: TestStorage | undefined;
afterAll(async () => service?.close());

recoveryPointsContract('the AWS Backup adapter over the storage service', async () => {
  // A restore lasts long enough to be seen running.
  service = await TestStorage.start({ latency: { restore: 300 } });
  await service.admin(`PUT /filesystems/${fileSystemId}`, { CreationToken: 'source' });
  const client = new BackupClient({ region: 'us-east-1', endpoint: service.service.url, credentials });
  await client.send(new CreateBackupVaultCommand({ BackupVaultName: vaultName }));
  const data = join(service.dir, 'efs', fileSystemId, 'data');
  const points = new AwsRecoveryPoints({
    vaultName,
    roleArn: 'arn:aws:iam::000000000000:role/backup',
    fileSystemArn: `arn:aws:elasticfilesystem:us-east-1:000000000000:file-system/${fileSystemId}`,
    client,
  });
  return {
    points,
    pass: realTime,
    makeDirectory: async (path) => void (await mkdir(join(data, path), { recursive: true })),
    listRoot: () => readdir(data),
    hasDirectory: (path) =>
      stat(join(data, path)).then(
        (found) => found.isDirectory(),
        () => false,
      ),
  };
});
