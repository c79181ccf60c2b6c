import { afterAll } from 'vitest';
import { Ec2BlockStorage } from '#shared/aws/ec2/ec2-block-storage.ts';
import { blockStorageContract, realTime } from '#test/support/block-storage-contract.ts';
import { TestStorage } from './support/storage.ts';

let service: TestStorage | undefined;
afterAll(async () => service?.close());

blockStorageContract('the EC2 adapter over the storage service', async () => {
  service = await TestStorage.start();
  const client = service.client();
  const a = await service.host('i-0aaaaaaaaaaaaaaaa');
  const b = await service.host('i-0bbbbbbbbbbbbbbbb');
  const storage = new Ec2BlockStorage({ keyArn: '', clients: () => client });
  return { storage, hosts: [a.id, b.id], pass: realTime };
});
