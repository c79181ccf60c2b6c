import {
  AttachVolumeCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import {
  CreateAccessPointCommand,
  CreateFileSystemCommand,
  DeleteAccessPointCommand,
  DescribeFileSystemsCommand,
  EFSClient,
} from '@aws-sdk/client-efs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { codeOf, TestStorage } from '../storage/support/storage.ts';
import { adminOf } from './admin.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { as, makeUser, type Statement } from './world.ts';

const ours = { StringEquals: { 'aws:ResourceTag/product': 'hivemind' } };
const product = [{ Key: 'product', Value: 'hivemind' }];

/** What the product's own worker roles may do, in short. */
const worker: readonly Statement[] = [
  { Action: 'ec2:DescribeVolumes', Resource: '*' },
  {
    Action: 'ec2:CreateVolume',
    Resource: 'arn:aws:ec2:*:*:volume/*',
    Condition: { StringEquals: { 'aws:RequestTag/product': 'hivemind' } },
  },
  {
    Action: 'ec2:CreateTags',
    Resource: 'arn:aws:ec2:*:*:volume/*',
    Condition: { StringEquals: { 'ec2:CreateAction': 'CreateVolume' } },
  },
  {
    Action: ['ec2:AttachVolume', 'ec2:DetachVolume', 'ec2:DeleteVolume'],
    Resource: 'arn:aws:ec2:*:*:volume/*',
    Condition: ours,
  },
  { Action: ['ec2:AttachVolume', 'ec2:DetachVolume'], Resource: 'arn:aws:ec2:*:*:instance/*' },
  { Action: ['elasticfilesystem:CreateAccessPoint', 'elasticfilesystem:DescribeFileSystems'], Resource: '*' },
  {
    Action: 'elasticfilesystem:TagResource',
    Resource: '*',
    Condition: { StringEquals: { 'elasticfilesystem:CreateAction': 'CreateAccessPoint' } },
  },
  { Action: 'elasticfilesystem:DeleteAccessPoint', Resource: '*', Condition: ours },
];

let storage: TestStorage;
let cloud: TestCloud;
let ec2: EC2Client;
let efs: EFSClient;

beforeAll(async () => {
  storage = await TestStorage.start();
  cloud = await startCloud({
    storagePort: Number(new URL(storage.service.url).port),
    storageAdminSocket: storage.service.adminSocket,
  });
  const user = await makeUser(cloud.aws, 'worker', worker);
  ec2 = new EC2Client(as(cloud.aws, user));
  efs = new EFSClient(as(cloud.aws, user));
  await storage.host('i-0123456789abcdef0');
});

afterAll(async () => {
  await cloud?.stop();
  await storage?.close();
});

const root = (): EC2Client => new EC2Client(as(cloud.aws));
const volumeIs = async (id: string, state: string): Promise<void> => {
  await until(`${id} is ${state}`, async () => {
    const { Volumes } = await root().send(new DescribeVolumesCommand({ VolumeIds: [id] }));
    return Volumes?.[0]?.State === state;
  });
};
const volume = { AvailabilityZone: 'us-east-1a', Size: 1 };
const tagged = { TagSpecifications: [{ ResourceType: 'volume' as const, Tags: product }] };

describe('through the edge, with a worker’s rights,', () => {
  it('a volume of ours lives its life', async () => {
    const { VolumeId = '' } = await ec2.send(new CreateVolumeCommand({ ...volume, ...tagged }));
    await volumeIs(VolumeId, 'available');
    await ec2.send(
      new AttachVolumeCommand({ VolumeId, InstanceId: 'i-0123456789abcdef0', Device: '/dev/sdf' }),
    );
    await volumeIs(VolumeId, 'in-use');
    await until('it is attached', async () => {
      const { Volumes } = await ec2.send(new DescribeVolumesCommand({ VolumeIds: [VolumeId] }));
      return Volumes?.[0]?.Attachments?.[0]?.State === 'attached';
    });
    await ec2.send(new DetachVolumeCommand({ VolumeId }));
    await volumeIs(VolumeId, 'available');
    await ec2.send(new DeleteVolumeCommand({ VolumeId }));
    const outcome = (): Promise<string> => codeOf(ec2.send(new DeleteVolumeCommand({ VolumeId })));
    await until('it is gone', async () => (await outcome()) !== 'IncorrectState');
    expect(await outcome()).toBe('InvalidVolume.NotFound');
  });

  it('a volume of somebody else’s is out of reach', async () => {
    const { VolumeId = '' } = await root().send(new CreateVolumeCommand(volume));
    await volumeIs(VolumeId, 'available');
    await expect(ec2.send(new DeleteVolumeCommand({ VolumeId }))).rejects.toMatchObject({
      name: 'UnauthorizedOperation',
    });
    const attach = new AttachVolumeCommand({
      VolumeId,
      InstanceId: 'i-0123456789abcdef0',
      Device: '/dev/sdf',
    });
    await expect(ec2.send(attach)).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    await root().send(new DeleteVolumeCommand({ VolumeId }));
  });

  it('a dry run says what would be, and does nothing', async () => {
    const create = { ...volume, DryRun: true };
    await expect(ec2.send(new CreateVolumeCommand({ ...create, ...tagged }))).rejects.toMatchObject({
      name: 'DryRunOperation',
    });
    await expect(ec2.send(new CreateVolumeCommand(create))).rejects.toMatchObject({
      name: 'UnauthorizedOperation',
    });
  });

  it('an access point of ours comes and goes', async () => {
    const asRoot = new EFSClient(as(cloud.aws));
    const { FileSystemId = '' } = await asRoot.send(new CreateFileSystemCommand({ CreationToken: 'one' }));
    await until('it is available', async () => {
      const { FileSystems } = await efs.send(new DescribeFileSystemsCommand({ FileSystemId }));
      return FileSystems?.[0]?.LifeCycleState === 'available';
    });
    const make = (ClientToken: string, Tags?: typeof product) =>
      new CreateAccessPointCommand({ FileSystemId, ClientToken, ...(Tags ? { Tags } : {}) });
    const mine = await efs.send(make('mine', product));
    const theirs = await asRoot.send(make('theirs'));
    await efs.send(new DeleteAccessPointCommand({ AccessPointId: mine.AccessPointId }));
    const refused = efs.send(new DeleteAccessPointCommand({ AccessPointId: theirs.AccessPointId }));
    await expect(refused).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  it('a connection that breaks after the commit breaks for the caller, and the call was made once', async () => {
    const once = root();
    const cut = { id: 'cut', kind: 'reset-after-commit', action: 'CreateVolume', times: 1 };
    const Size = 7;
    // Also where the edge has connections to spare: none is taken for one that had been closed before.
    for (const number of [1, 2]) {
      await storage.admin('PUT /faults', [cut]);
      const lost = once.send(new CreateVolumeCommand({ ...volume, Size }));
      await expect(lost).rejects.toMatchObject({ code: 'ECONNRESET' });
      const { Volumes = [] } = await once.send(new DescribeVolumesCommand({}));
      expect(Volumes.filter((one) => one.Size === Size)).toHaveLength(number);
    }
  });

  it('every call is recorded on both sides, under the caller’s name', async () => {
    const edge = adminOf(cloud.adminSocket);
    const mark = (await edge.calls()).at(-1)?.seq ?? 0;
    await ec2.send(new DescribeVolumesCommand({}));
    const seen = {
      service: 'ec2',
      action: 'DescribeVolumes',
      principalArn: 'arn:aws:iam::000000000000:user/worker',
    };
    expect(await edge.calls(mark)).toMatchObject([{ ...seen, status: 200 }]);
    const calls = await storage.admin<readonly object[]>('GET /calls');
    expect(JSON.stringify(calls.at(-1))).toContain('arn:aws:iam::000000000000:user/worker');
    expect(storage.service.invalidAnswers).toEqual([]);
  });
});
