import { CreateFileSystemCommand, DescribeFileSystemsCommand, EFSClient } from '@aws-sdk/client-efs';
import { afterAll } from 'vitest';
import { EfsAccessPoints } from '#shared/aws/efs/efs-access-points.ts';
import { accessPointsContract } from '#test/support/access-points-contract.ts';
import { realTime } from '#test/support/block-storage-contract.ts';
import { until } from '#test/support/until.ts';
import { credentials, TestStorage } from './support/storage.ts';

let service: TestStorage | undefined;
afterAll(async () => service?.close());

accessPointsContract('the EFS adapter over the storage service', async () => {
  service = await TestStorage.start();
  const client = new EFSClient({ region: 'us-east-1', endpoint: service.service.url, credentials });
  const { FileSystemId: fileSystemId = '' } = await client.send(
    new CreateFileSystemCommand({ CreationToken: 'one' }),
  );
  await until('the file system is available', async () => {
    const { FileSystems = [] } = await client.send(
      new DescribeFileSystemsCommand({ FileSystemId: fileSystemId }),
    );
    return FileSystems[0]?.LifeCycleState === 'available';
  });
  return { points: new EfsAccessPoints({ fileSystemId, client }), pass: realTime };
});
