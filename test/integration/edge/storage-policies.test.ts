import { BackupClient, DescribeRecoveryPointCommand, StartBackupJobCommand } from '@aws-sdk/client-backup';
import {
  AttachVolumeCommand,
  CreateSnapshotCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  DetachVolumeCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { CreateAccessPointCommand, DeleteAccessPointCommand, EFSClient } from '@aws-sdk/client-efs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startCloud, type TestCloud } from './cloud.ts';
import { StorageFake } from './storage-fake.ts';
import { as, makeUser, type Keys, type Statement } from './world.ts';

const storage = new StorageFake();
let cloud: TestCloud;

beforeAll(async () => {
  cloud = await startCloud({ storagePort: await storage.listen() });
  await storage.listenAdmin(cloud.settings.storageAdminSocket);
  storage.resources.set('vol-0ours', { tags: { product: 'hivemind' }, instanceId: 'i-0ours' });
  storage.resources.set('vol-0theirs', { tags: {} });
  storage.resources.set('i-0ours', { tags: { product: 'hivemind' } });
  storage.resources.set('fsap-0ours', { tags: { product: 'hivemind' } });
  storage.resources.set('fsap-0other', { tags: {} });
});

afterAll(async () => {
  await cloud?.stop();
  await storage.close();
});

beforeEach(() => storage.seen.splice(0));

let users = 0;
async function userWith(...statements: readonly Statement[]): Promise<Keys> {
  return makeUser(cloud.aws, `user-${++users}`, statements);
}
const ec2 = (keys?: Keys): EC2Client => new EC2Client(as(cloud.aws, keys));
const efs = (keys?: Keys): EFSClient => new EFSClient(as(cloud.aws, keys));
const backup = (keys?: Keys): BackupClient => new BackupClient(as(cloud.aws, keys));

const ours = { StringEquals: { 'aws:ResourceTag/product': 'hivemind' } };
const arn = (what: string): string => `arn:aws:ec2:us-east-1:000000000000:${what}`;

const product = { Key: 'product', Value: 'hivemind' };
const tagged = { StringEquals: { 'aws:RequestTag/product': 'hivemind' } };

interface Case {
  readonly statements: readonly Statement[];
  readonly allowed: (keys: Keys) => Promise<unknown>;
  readonly refused: (keys: Keys) => Promise<unknown>;
}

const volume = { AvailabilityZone: 'us-east-1a', Size: 1 };
const withTags = (ResourceType: 'volume' | 'snapshot') => ({
  TagSpecifications: [{ ResourceType, Tags: [product] }],
});

const cases: Readonly<Record<string, Case>> = {
  'the tags of a resource': {
    statements: [{ Action: 'ec2:DeleteVolume', Resource: '*', Condition: ours }],
    allowed: (keys) => ec2(keys).send(new DeleteVolumeCommand({ VolumeId: 'vol-0ours' })),
    refused: (keys) => ec2(keys).send(new DeleteVolumeCommand({ VolumeId: 'vol-0theirs' })),
  },
  'EC2’s own name for the tags of a resource': {
    statements: [
      {
        Action: 'ec2:DeleteVolume',
        Resource: '*',
        Condition: { StringEquals: { 'ec2:ResourceTag/product': 'hivemind' } },
      },
    ],
    allowed: (keys) => ec2(keys).send(new DeleteVolumeCommand({ VolumeId: 'vol-0ours' })),
    refused: (keys) => ec2(keys).send(new DeleteVolumeCommand({ VolumeId: 'vol-0theirs' })),
  },
  'both resources of an attach': {
    statements: [{ Action: 'ec2:AttachVolume', Resource: [arn('volume/*'), arn('instance/i-0ours')] }],
    allowed: (keys) =>
      ec2(keys).send(
        new AttachVolumeCommand({ VolumeId: 'vol-0ours', InstanceId: 'i-0ours', Device: '/dev/sdf' }),
      ),
    refused: (keys) =>
      ec2(keys).send(
        new AttachVolumeCommand({ VolumeId: 'vol-0ours', InstanceId: 'i-0other', Device: '/dev/sdf' }),
      ),
  },
  'the holder in a detach that does not name it': {
    statements: [
      { Action: 'ec2:DetachVolume', Resource: [arn('volume/vol-0ours'), arn('instance/i-0ours')] },
    ],
    allowed: (keys) => ec2(keys).send(new DetachVolumeCommand({ VolumeId: 'vol-0ours' })),
    refused: (keys) =>
      ec2(keys).send(new DetachVolumeCommand({ VolumeId: 'vol-0ours', InstanceId: 'i-0other' })),
  },
  'the tags that a create gives': {
    statements: [
      { Action: 'ec2:CreateVolume', Resource: arn('volume/*'), Condition: tagged },
      {
        Action: 'ec2:CreateTags',
        Resource: arn('volume/*'),
        Condition: { StringEquals: { 'ec2:CreateAction': 'CreateVolume' } },
      },
    ],
    allowed: (keys) => ec2(keys).send(new CreateVolumeCommand({ ...volume, ...withTags('volume') })),
    refused: (keys) => ec2(keys).send(new CreateVolumeCommand(volume)),
  },
  'the right to tag at a create': {
    statements: [{ Action: 'ec2:CreateVolume', Resource: arn('volume/*') }],
    allowed: (keys) => ec2(keys).send(new CreateVolumeCommand(volume)),
    refused: (keys) => ec2(keys).send(new CreateVolumeCommand({ ...volume, ...withTags('volume') })),
  },
  'tagging after a create': {
    statements: [
      {
        Action: 'ec2:CreateTags',
        Resource: '*',
        Condition: { StringEquals: { 'ec2:CreateAction': 'CreateVolume' } },
      },
      { Action: 'ec2:CreateVolume', Resource: '*' },
    ],
    allowed: (keys) => ec2(keys).send(new CreateVolumeCommand({ ...volume, ...withTags('volume') })),
    refused: (keys) => ec2(keys).send(new CreateTagsCommand({ Resources: ['vol-0theirs'], Tags: [product] })),
  },
  'what a volume is made of': {
    statements: [
      {
        Action: 'ec2:CreateVolume',
        Resource: '*',
        Condition: { NumericLessThanEquals: { 'ec2:VolumeSize': '10' } },
      },
    ],
    allowed: (keys) => ec2(keys).send(new CreateVolumeCommand(volume)),
    refused: (keys) => ec2(keys).send(new CreateVolumeCommand({ ...volume, Size: 11 })),
  },
  'a snapshot, whose ARN has no account, and its volume': {
    statements: [
      { Action: 'ec2:CreateSnapshot', Resource: 'arn:aws:ec2:us-east-1::snapshot/*', Condition: tagged },
      { Action: 'ec2:CreateSnapshot', Resource: arn('volume/*'), Condition: ours },
      { Action: 'ec2:CreateTags', Resource: 'arn:aws:ec2:us-east-1::snapshot/*' },
    ],
    allowed: (keys) =>
      ec2(keys).send(new CreateSnapshotCommand({ VolumeId: 'vol-0ours', ...withTags('snapshot') })),
    refused: (keys) =>
      ec2(keys).send(new CreateSnapshotCommand({ VolumeId: 'vol-0theirs', ...withTags('snapshot') })),
  },
  'a file system': {
    statements: [
      {
        Action: 'elasticfilesystem:*',
        Resource: [
          'arn:aws:elasticfilesystem:us-east-1:000000000000:file-system/fs-0ours',
          'arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/*',
        ],
      },
    ],
    allowed: (keys) =>
      efs(keys).send(
        new CreateAccessPointCommand({ FileSystemId: 'fs-0ours', ClientToken: 'a', Tags: [product] }),
      ),
    refused: (keys) =>
      efs(keys).send(new CreateAccessPointCommand({ FileSystemId: 'fs-0other', ClientToken: 'a' })),
  },
  'the right to tag an access point': {
    statements: [{ Action: 'elasticfilesystem:CreateAccessPoint', Resource: '*' }],
    allowed: (keys) =>
      efs(keys).send(new CreateAccessPointCommand({ FileSystemId: 'fs-0ours', ClientToken: 'a' })),
    refused: (keys) =>
      efs(keys).send(
        new CreateAccessPointCommand({ FileSystemId: 'fs-0ours', ClientToken: 'a', Tags: [product] }),
      ),
  },
  'an access point’s tags': {
    statements: [{ Action: 'elasticfilesystem:DeleteAccessPoint', Resource: '*', Condition: ours }],
    allowed: (keys) => efs(keys).send(new DeleteAccessPointCommand({ AccessPointId: 'fsap-0ours' })),
    refused: (keys) => efs(keys).send(new DeleteAccessPointCommand({ AccessPointId: 'fsap-0other' })),
  },
  'the role that a backup works under': {
    statements: [
      {
        Action: ['backup:StartBackupJob', 'iam:PassRole'],
        Resource: [
          'arn:aws:backup:us-east-1:000000000000:backup-vault:own',
          'arn:aws:iam::000000000000:role/backup',
        ],
      },
    ],
    allowed: (keys) =>
      backup(keys).send(
        new StartBackupJobCommand({
          BackupVaultName: 'own',
          ResourceArn: 'arn:aws:x',
          IamRoleArn: 'arn:aws:iam::000000000000:role/backup',
        }),
      ),
    refused: (keys) =>
      backup(keys).send(
        new StartBackupJobCommand({
          BackupVaultName: 'own',
          ResourceArn: 'arn:aws:x',
          IamRoleArn: 'arn:aws:iam::000000000000:role/admin',
        }),
      ),
  },
  'a recovery point': {
    statements: [
      {
        Action: 'backup:DescribeRecoveryPoint',
        Resource: 'arn:aws:backup:us-east-1:000000000000:recovery-point:one',
      },
    ],
    allowed: (keys) =>
      backup(keys).send(
        new DescribeRecoveryPointCommand({
          BackupVaultName: 'own',
          RecoveryPointArn: 'arn:aws:backup:us-east-1:000000000000:recovery-point:one',
        }),
      ),
    refused: (keys) =>
      backup(keys).send(
        new DescribeRecoveryPointCommand({
          BackupVaultName: 'own',
          RecoveryPointArn: 'arn:aws:backup:us-east-1:000000000000:recovery-point:two',
        }),
      ),
  },
};

describe('a policy can be about', () => {
  it.each(Object.keys(cases))('%s', async (what) => {
    const { statements = [], allowed, refused } = cases[what] ?? {};
    const keys = await userWith(...statements);
    await allowed?.(keys);
    expect(storage.seen).toHaveLength(1);
    await expect(refused?.(keys)).rejects.toThrow(/is not authorized to perform: /);
    expect(storage.seen).toHaveLength(1);
  });
});

describe('what does not exist', () => {
  it('is left to the service to say, also where a policy is about tags', async () => {
    const keys = await userWith({ Action: 'ec2:DeleteVolume', Resource: '*', Condition: ours });
    await ec2(keys).send(new DeleteVolumeCommand({ VolumeId: 'vol-0gone' }));
    expect(storage.seen).toHaveLength(1);
  });

  it('tells nothing to who may not do it to anything', async () => {
    const keys = await userWith({ Action: 'ec2:CreateVolume', Resource: '*' });
    const sent = ec2(keys).send(new DeleteVolumeCommand({ VolumeId: 'vol-0gone' }));
    await expect(sent).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    expect(storage.seen).toEqual([]);
  });
});
