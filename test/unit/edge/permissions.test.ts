import { describe, expect, it } from 'vitest';
import { backupRule } from '#local/edge/permissions/backup.ts';
import { ec2Rule } from '#local/edge/permissions/ec2.ts';
import { efsRule } from '#local/edge/permissions/efs.ts';
import type { ResourceFacts, StorageRequest } from '#local/edge/permissions/types.ts';

const known: Readonly<Record<string, ResourceFacts>> = {
  'vol-1': { tags: { team: 'a' }, instanceId: 'i-1' },
  'snap-1': { tags: { team: 'c' } },
  'i-1': { tags: {} },
  'fsmt-1': { tags: {}, fileSystemId: 'fs-1' },
  'fs-1': { tags: { team: 'b' } },
};
const lookUp = (id: string): Promise<ResourceFacts> =>
  Promise.resolve(known[id] ?? { tags: {}, missing: true });

const request = (action: string, given: Partial<StorageRequest> = {}): StorageRequest => ({
  action,
  region: 'eu-central-1',
  account: '1',
  path: '/',
  query: new URLSearchParams(),
  form: new URLSearchParams(),
  body: {},
  ...given,
});
const form = (text: string): Partial<StorageRequest> => ({ form: new URLSearchParams(text) });
const volume = 'arn:aws:ec2:eu-central-1:1:volume/';

describe('EC2', () => {
  it('checks volume and instance of a detach that names the volume alone', async () => {
    expect(await ec2Rule(request('DetachVolume', form('VolumeId=vol-1')), lookUp)).toEqual([
      {
        action: 'ec2:DetachVolume',
        resource: `${volume}vol-1`,
        context: { 'aws:ResourceTag/team': 'a', 'ec2:ResourceTag/team': 'a' },
        missing: false,
      },
      {
        action: 'ec2:DetachVolume',
        resource: 'arn:aws:ec2:eu-central-1:1:instance/i-1',
        context: {},
        missing: false,
      },
    ]);
  });

  it('checks each resource that is tagged, with the tags that it gets', async () => {
    const call = request(
      'CreateTags',
      form('ResourceId.1=vol-1&ResourceId.2=snap-9&Tag.1.Key=k&Tag.1.Value=v'),
    );
    const wishes = await ec2Rule(call, lookUp);
    expect(wishes.map(({ resource }) => resource)).toEqual([
      `${volume}vol-1`,
      'arn:aws:ec2:eu-central-1::snapshot/snap-9',
    ]);
    expect(wishes[1]).toMatchObject({
      context: { 'aws:RequestTag/k': 'v', 'aws:TagKeys': ['k'] },
      missing: true,
    });
  });

  it('checks what is copied in the Region that it is in, and the copy by its tags', async () => {
    const tags =
      'TagSpecification.1.ResourceType=snapshot&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v';
    const call = request(
      'CopySnapshot',
      form(`SourceRegion=us-east-1&SourceSnapshotId=snap-1&DestinationRegion=eu-central-1&${tags}`),
    );
    const [source, copy, tagged, ...others] = await ec2Rule(call, lookUp);
    expect(source).toMatchObject({
      action: 'ec2:CopySnapshot',
      resource: 'arn:aws:ec2:us-east-1::snapshot/snap-1',
      context: { 'aws:ResourceTag/team': 'c' },
    });
    expect(source?.context).not.toHaveProperty('aws:RequestTag/k');
    expect(copy).toMatchObject({
      action: 'ec2:CopySnapshot',
      resource: 'arn:aws:ec2:eu-central-1::snapshot/*',
      context: { 'aws:RequestTag/k': 'v' },
    });
    expect(tagged).toMatchObject({ action: 'ec2:CreateTags' });
    expect(others).toEqual([]);
  });

  it('checks the tags of the kind that is made, and the right to give them', async () => {
    const tags =
      'TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v';
    const wishes = await ec2Rule(
      request('CreateVolume', form(`Size=5&VolumeType=gp3&SnapshotId=snap-9&${tags}`)),
      lookUp,
    );
    expect(wishes).toEqual([
      {
        action: 'ec2:CreateVolume',
        resource: `${volume}*`,
        context: {
          'aws:RequestTag/k': 'v',
          'aws:TagKeys': ['k'],
          'ec2:VolumeSize': '5',
          'ec2:VolumeType': 'gp3',
        },
      },
      {
        action: 'ec2:CreateVolume',
        resource: 'arn:aws:ec2:eu-central-1::snapshot/snap-9',
        context: {},
        missing: true,
      },
      {
        action: 'ec2:CreateTags',
        resource: `${volume}*`,
        context: { 'aws:RequestTag/k': 'v', 'aws:TagKeys': ['k'], 'ec2:CreateAction': 'CreateVolume' },
      },
    ]);
  });

  it.each(['DescribeVolumes', 'NeverHeardOf', 'constructor', 'DeleteVolume'])(
    'checks %s without a resource against everything',
    async (action) => {
      expect(await ec2Rule(request(action), lookUp)).toEqual([{ action: `ec2:${action}`, resource: '*' }]);
    },
  );
});

describe('EFS', () => {
  const arn = (what: string): string => `arn:aws:elasticfilesystem:eu-central-1:1:${what}`;

  it.each([
    ['DeleteMountTarget', { path: '/2015-02-01/mount-targets/fsmt-1' }, 'file-system/fs-1'],
    ['DescribeMountTargets', { query: new URLSearchParams('MountTargetId=fsmt-1') }, 'file-system/fs-1'],
    ['DescribeFileSystems', {}, 'file-system/*'],
    ['DescribeAccessPoints', {}, 'access-point/*'],
    ['DescribeAccessPoints', { query: new URLSearchParams('FileSystemId=fs-1') }, 'file-system/fs-1'],
    [
      'ListTagsForResource',
      { path: `/2015-02-01/resource-tags/${encodeURIComponent(arn('access-point/fsap-1'))}` },
      'access-point/fsap-1',
    ],
  ] satisfies [string, Partial<StorageRequest>, string][])(
    'checks %s %j on %s',
    async (action, given, resource) => {
      const [wish] = await efsRule(request(action, given), lookUp);
      expect(wish?.resource).toBe(arn(resource));
    },
  );

  it('checks an unknown action against everything', async () => {
    expect(await efsRule(request('constructor'), lookUp)).toEqual([
      { action: 'elasticfilesystem:constructor', resource: '*' },
    ]);
  });
});

describe('AWS Backup', () => {
  it('checks the vault, and the role that is handed over', async () => {
    const body = { BackupVaultName: 'v', IamRoleArn: 'arn:aws:iam::1:role/r' };
    expect(await backupRule(request('StartBackupJob', { body }), lookUp)).toMatchObject([
      { action: 'backup:StartBackupJob', resource: 'arn:aws:backup:eu-central-1:1:backup-vault:v' },
      { action: 'iam:PassRole', resource: 'arn:aws:iam::1:role/r' },
    ]);
  });

  it('checks an unknown action against everything', async () => {
    expect(await backupRule(request('constructor'), lookUp)).toMatchObject([{ resource: '*' }]);
  });
});
