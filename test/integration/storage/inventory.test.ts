import { CreateFileSystemCommand, DescribeFileSystemsCommand, EFSClient } from '@aws-sdk/client-efs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ec2BlockStorage } from '#shared/aws/ec2/ec2-block-storage.ts';
import { EfsAccessPoints } from '#shared/aws/efs/efs-access-points.ts';
import { AwsInventory } from '#shared/aws/leftovers.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { until } from '#test/support/until.ts';
import { credentials, TestStorage } from './support/storage.ts';

const ours = { [tagKeys.product]: productTagValue, [tagKeys.volumeId]: 'vol-1' };
let service: TestStorage;
beforeAll(async () => {
  service = await TestStorage.start();
});
afterAll(async () => service?.close());

it('lists snapshots with our tag, and no others', async () => {
  const ec2 = service.client();
  const storage = new Ec2BlockStorage({ keyArn: '', clients: () => ec2 });
  const wanted = {
    clientToken: 'a',
    sizeGiB: 1,
    availabilityZone: 'us-east-1a',
    encrypted: false,
    tags: ours,
  };
  const { id: volumeId } = await storage.createVolume(wanted);
  await until('it is there', async () => (await storage.findVolumes([volumeId]))[0]?.state === 'available');
  const { id } = await storage.createSnapshot({ volumeId, description: 'ours', tags: ours });
  await storage.createSnapshot({ volumeId, description: 'foreign', tags: { other: 'one' } });
  const found = await new AwsInventory({ fileSystemId: '', ec2: () => ec2 }).snapshots();
  expect(found).toEqual([{ id, tags: ours, createdAt: expect.any(Date) as Date }]);
});

it('lists access points of the file system with our tag, and no others, over all pages', async () => {
  const efs = new EFSClient({ region: 'us-east-1', endpoint: service.service.url, credentials });
  const { FileSystemId: fileSystemId = '' } = await efs.send(
    new CreateFileSystemCommand({ CreationToken: 'one' }),
  );
  await until('the file system is available', async () => {
    const { FileSystems = [] } = await efs.send(
      new DescribeFileSystemsCommand({ FileSystemId: fileSystemId }),
    );
    return FileSystems[0]?.LifeCycleState === 'available';
  });
  const points = new EfsAccessPoints({ fileSystemId, client: efs });
  const owner = { uid: 0, gid: 0, mode: '0755' };
  const made: string[] = [];
  for (let at = 0; at < 105; at++)
    made.push((await points.create({ clientToken: `t${at}`, path: `/p${at}`, owner, tags: ours })).id);
  await points.create({ clientToken: 'foreign', path: '/foreign', owner, tags: {} });
  const found = await new AwsInventory({ fileSystemId, efs }).accessPoints();
  expect(found.map(({ id }) => id).toSorted()).toEqual(made.toSorted());
  expect(found[0]?.tags).toEqual(ours);
});
