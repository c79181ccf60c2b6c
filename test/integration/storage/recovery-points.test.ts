import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupClient, CreateBackupVaultCommand } from '@aws-sdk/client-backup';
import { afterAll } from 'vitest';
import { AwsRecoveryRegions } from '#shared/aws/backup/aws-recovery-regions.ts';
import { realTime } from '#test/support/block-storage-contract.ts';
import { farRegion, recoveryPointsContract } from '#test/support/recovery-points-contract.ts';
import { credentials, TestStorage } from './support/storage.ts';

const fileSystemId = 'fs-0123456789abcdef0';
const vaults = { 'us-east-1': 'product', [farRegion]: 'far' };
let service: TestStorage | undefined;
afterAll(async () => service?.close());

recoveryPointsContract('the AWS Backup adapter over the storage service', async () => {
  // A restore lasts long enough to be seen running.
  service = await TestStorage.start({ latency: { restore: 300, backup: 100 } });
  await service.admin(`PUT /filesystems/${fileSystemId}`, { CreationToken: 'source' });
  const endpoint = service.service.url;
  const client = (region: string) => new BackupClient({ region, endpoint, credentials });
  for (const [region, BackupVaultName] of Object.entries(vaults))
    await client(region).send(new CreateBackupVaultCommand({ BackupVaultName }));
  const data = join(service.dir, 'efs', fileSystemId, 'data');
  const regions = new AwsRecoveryRegions({
    vaults,
    roleArn: 'arn:aws:iam::000000000000:role/backup',
    fileSystemArn: `arn:aws:elasticfilesystem:us-east-1:000000000000:file-system/${fileSystemId}`,
    client,
  });
  return {
    points: regions.in('us-east-1'),
    far: regions.in(farRegion),
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
