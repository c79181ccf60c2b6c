import {
  AttachVolumeCommand,
  CreateTagsCommand,
  CreateVolumeCommand,
  type CreateVolumeCommandInput,
  DeleteTagsCommand,
  DeleteVolumeCommand,
  DescribeInstanceTypesCommand,
  DescribeTagsCommand,
  DescribeVolumesCommand,
  DescribeVolumesModificationsCommand,
  DetachVolumeCommand,
  type EC2Client,
  ModifyVolumeCommand,
  paginateDescribeVolumes,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '#local/storage/bytes/exec.ts';
import { until } from '#test/support/until.ts';
import { codeOf, TestStorage } from './support/storage.ts';

let storage: TestStorage;
let ec2: EC2Client;
const base: CreateVolumeCommandInput = { AvailabilityZone: 'us-east-1a', Size: 1, VolumeType: 'gp3' };

beforeAll(async () => {
  storage = await TestStorage.start();
  ec2 = storage.client();
});

afterAll(async () => {
  const { invalidAnswers } = storage.service;
  await storage.close();
  expect(invalidAnswers).toEqual([]);
});

describe('what CreateVolume refuses', () => {
  const refused: readonly [string, Partial<CreateVolumeCommandInput>, string][] = [
    ['gp3 over 64 TiB', { Size: 65_537 }, 'InvalidParameterValue'],
    ['gp2 over 16 TiB', { Size: 16_385, VolumeType: 'gp2' }, 'InvalidParameterValue'],
    ['nothing', { Size: 0 }, 'InvalidParameterValue'],
    ['no size and no snapshot', { Size: undefined }, 'MissingParameter'],
    ['an io1 without iops', { Size: 10, VolumeType: 'io1' }, 'MissingParameter'],
    [
      'an io1 with too many iops for its size',
      { Size: 10, VolumeType: 'io1', Iops: 501 },
      'InvalidParameterValue',
    ],
    ['iops on gp2', { VolumeType: 'gp2', Iops: 100 }, 'InvalidParameterCombination'],
    [
      'throughput on io2',
      { Size: 10, VolumeType: 'io2', Iops: 100, Throughput: 125 },
      'InvalidParameterCombination',
    ],
    ['gp3 under its baseline', { Iops: 2999 }, 'InvalidParameterValue'],
    ['more throughput than its iops carry', { Throughput: 1000 }, 'InvalidParameterValue'],
    ['st1 under 125 GiB', { Size: 124, VolumeType: 'st1' }, 'InvalidParameterValue'],
    ['a zone of another Region', { AvailabilityZone: 'eu-west-1a' }, 'InvalidZone.NotFound'],
    ['no zone', { AvailabilityZone: undefined }, 'MissingParameter'],
    ['a key without encryption', { KmsKeyId: 'alias/own' }, 'InvalidParameterDependency'],
    ['a snapshot that is not there', { SnapshotId: 'snap-0123456789abcdef0' }, 'InvalidSnapshot.NotFound'],
    ['a snapshot id that is none', { SnapshotId: 'snap-xyz' }, 'InvalidSnapshotID.Malformed'],
    [
      'tags for another type',
      { TagSpecifications: [{ ResourceType: 'snapshot', Tags: [{ Key: 'a', Value: 'b' }] }] },
      'InvalidParameterValue',
    ],
    [
      'reserved tags',
      { TagSpecifications: [{ ResourceType: 'volume', Tags: [{ Key: 'aws:x', Value: 'b' }] }] },
      'InvalidParameterValue',
    ],
    ['a type that EBS does not have', { VolumeType: 'gp9' as 'gp3' }, 'InvalidParameterValue'],
    ['DryRun, which does nothing', { DryRun: true }, 'DryRunOperation'],
  ];

  test.for(refused)('%s', async ([, input, code]) => {
    expect(await codeOf(ec2.send(new CreateVolumeCommand({ ...base, ...input })))).toBe(code);
    expect(await storage.admin('GET /volumes')).toEqual([]);
  });
});

test('a client token gives the same volume again, also after it is gone, and refuses other parameters', async () => {
  const input = { ...base, ClientToken: 'once' };
  const first = await ec2.send(new CreateVolumeCommand(input));
  const id = first.VolumeId ?? '';
  expect((await ec2.send(new CreateVolumeCommand(input))).VolumeId).toBe(id);
  expect(await codeOf(ec2.send(new CreateVolumeCommand({ ...input, Size: 2 })))).toBe(
    'IdempotentParameterMismatch',
  );
  await storage.volumeIs(ec2, id, 'available');
  await ec2.send(new DeleteVolumeCommand({ VolumeId: id }));
  await until(
    'the volume is gone',
    async () =>
      (await codeOf(ec2.send(new DescribeVolumesCommand({ VolumeIds: [id] })))) === 'InvalidVolume.NotFound',
  );
  const again = await ec2.send(new CreateVolumeCommand(input));
  expect(again.VolumeId).toBe(id);
  expect(again.CreateTime).toEqual(first.CreateTime);
  expect(
    (
      await storage
        .client('eu-west-1')
        .send(new CreateVolumeCommand({ ...input, AvailabilityZone: 'eu-west-1a' }))
    ).VolumeId,
  ).not.toBe(id);
});

test('encryption takes the given key, or the account’s own', async () => {
  const own = await ec2.send(new CreateVolumeCommand({ ...base, Encrypted: true }));
  expect(own.KmsKeyId).toMatch(/^arn:aws:kms:us-east-1:000000000000:key\/[0-9a-f-]{36}$/);
  const given = await ec2.send(
    new CreateVolumeCommand({ ...base, Encrypted: true, KmsKeyId: 'alias/product' }),
  );
  expect(given.KmsKeyId).toBe('arn:aws:kms:us-east-1:000000000000:alias/product');
});

test('volumes are found by filters and wildcards, in pages that a stranger’s token does not open', async () => {
  const Tags = [{ Key: 'set', Value: 'pages' }];
  for (let i = 0; i < 12; i++) {
    const Name = { Key: 'Name', Value: `page-${i}` };
    await ec2.send(
      new CreateVolumeCommand({
        ...base,
        TagSpecifications: [{ ResourceType: 'volume', Tags: [...Tags, Name] }],
      }),
    );
  }
  const Filters = [{ Name: 'tag:set', Values: ['pages'] }];
  const seen: string[] = [];
  for await (const page of paginateDescribeVolumes({ client: ec2, pageSize: 5 }, { Filters })) {
    expect(page.Volumes?.length).toBeLessThanOrEqual(5);
    seen.push(...(page.Volumes ?? []).map((volume) => volume.VolumeId ?? ''));
  }
  expect(new Set(seen).size).toBe(12);
  const one = await ec2.send(
    new DescribeVolumesCommand({ Filters: [...Filters, { Name: 'tag:Name', Values: ['page-?1'] }] }),
  );
  expect(one.Volumes).toHaveLength(1);
  const { NextToken } = await ec2.send(new DescribeVolumesCommand({ Filters, MaxResults: 5 }));
  const codes = {
    'another query’s token': { NextToken },
    'a forged token': { Filters, NextToken: 'forged' },
    'too small a page': { MaxResults: 4 },
    'ids and a page size': { VolumeIds: seen.slice(0, 1), MaxResults: 5 },
    'an unknown filter': { Filters: [{ Name: 'colour', Values: ['red'] }] },
    'an id that is none': { VolumeIds: ['vol-xyz'] },
    'ids of which one is lost': { VolumeIds: [seen[0] ?? '', 'vol-0123456789abcdef0'] },
  };
  const answers = Object.entries(codes).map(
    async ([what, input]) => [what, await codeOf(ec2.send(new DescribeVolumesCommand(input)))] as const,
  );
  expect(Object.fromEntries(await Promise.all(answers))).toEqual({
    'another query’s token': 'InvalidNextToken',
    'a forged token': 'InvalidNextToken',
    'too small a page': 'InvalidParameterValue',
    'ids and a page size': 'InvalidParameterCombination',
    'an unknown filter': 'InvalidParameterValue',
    'an id that is none': 'InvalidVolumeID.Malformed',
    'ids of which one is lost': 'InvalidVolume.NotFound',
  });
});

test('tags are put, replaced, listed and taken away', async () => {
  const volume = await storage.volume(ec2);
  await ec2.send(
    new CreateTagsCommand({
      Resources: [volume],
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '=x y&<z>' },
      ],
    }),
  );
  await ec2.send(new CreateTagsCommand({ Resources: [volume], Tags: [{ Key: 'a', Value: '2' }] }));
  await ec2.send(new DeleteTagsCommand({ Resources: [volume], Tags: [{ Key: 'a', Value: '1' }] }));
  const { Tags } = await ec2.send(
    new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [volume] }] }),
  );
  expect(Tags?.map(({ Key, Value }) => [Key, Value])).toEqual([
    ['a', '2'],
    ['b', '=x y&<z>'],
  ]);
  await ec2.send(new DeleteTagsCommand({ Resources: [volume] }));
  expect(
    (await ec2.send(new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [volume] }] }))).Tags,
  ).toEqual([]);
  expect(
    await codeOf(
      ec2.send(
        new CreateTagsCommand({ Resources: ['vol-0123456789abcdef0'], Tags: [{ Key: 'a', Value: '' }] }),
      ),
    ),
  ).toBe('InvalidVolume.NotFound');
});

test('one volume has one attachment, in its zone, under a free name, within the instance’s limit', async () => {
  const a = await storage.host('i-0aaaaaaaaaaaaaaa1', 'us-east-1a', 't3.micro');
  const far = await storage.host('i-0aaaaaaaaaaaaaaa2', 'us-east-1b');
  const volume = await storage.volume(ec2);
  const attach = (input: Partial<ConstructorParameters<typeof AttachVolumeCommand>[0]>) =>
    codeOf(
      ec2.send(new AttachVolumeCommand({ VolumeId: volume, InstanceId: a.id, Device: '/dev/sdf', ...input })),
    );
  expect(await attach({ InstanceId: far.id })).toBe('InvalidVolume.ZoneMismatch');
  expect(await attach({ Device: '/dev/nvme1n1' })).toBe('InvalidParameterValue');
  expect(await attach({ Device: '/dev/xvda' })).toBe('InvalidParameterValue');
  expect(await attach({ InstanceId: 'i-0123456789abcdef0' })).toBe('InvalidInstanceID.NotFound');
  expect(await attach({ VolumeId: 'vol-0123456789abcdef0' })).toBe('InvalidVolume.NotFound');
  expect(await attach({})).toBe('no error');
  expect(await attach({})).toBe('VolumeInUse');
  expect(await codeOf(ec2.send(new DeleteVolumeCommand({ VolumeId: volume })))).toBe('VolumeInUse');
  const second = await storage.volume(ec2);
  expect(await attach({ VolumeId: second })).toBe('InvalidParameterValue');
  expect(await codeOf(ec2.send(new DetachVolumeCommand({ VolumeId: second })))).toBe('IncorrectState');
  expect(await codeOf(ec2.send(new DetachVolumeCommand({ VolumeId: volume, InstanceId: far.id })))).toBe(
    'InvalidAttachment.NotFound',
  );
  await storage.admin(`POST /instances/${a.id}/power`, { to: 'stopped' });
  for (let i = 0; i < 26; i++)
    expect(
      await attach({
        VolumeId: await storage.volume(ec2),
        Device: `/dev/xvdb${String.fromCodePoint(97 + i)}`,
      }),
    ).toBe('no error');
  expect(await attach({ VolumeId: second, Device: '/dev/sdg' })).toBe('AttachmentLimitExceeded');
  const { InstanceTypes } = await ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: ['t3.micro'] }));
  expect(InstanceTypes?.[0]?.EbsInfo).toMatchObject({
    MaximumEbsAttachments: 28,
    AttachmentLimitType: 'shared',
  });
  await storage.admin(`POST /instances/${a.id}/power`, { to: 'terminated' });
});

test('a volume grows under its holder, four times a day', async () => {
  const host = await storage.host('i-0aaaaaaaaaaaaaaa3');
  const volume = await storage.volume(ec2);
  const device = await storage.attach(ec2, { volume, host });
  const grown = (size: number) =>
    until(`${volume} has grown`, async () => {
      const { VolumesModifications } = await ec2.send(
        new DescribeVolumesModificationsCommand({ VolumeIds: [volume] }),
      );
      return (
        VolumesModifications?.[0]?.ModificationState === 'completed' &&
        VolumesModifications[0].TargetSize === size
      );
    });
  expect(await codeOf(ec2.send(new DescribeVolumesModificationsCommand({ VolumeIds: [volume] })))).toBe(
    'InvalidVolumeModification.NotFound',
  );
  for (const size of [2, 3, 4, 5]) {
    await ec2.send(new ModifyVolumeCommand({ VolumeId: volume, Size: size }));
    expect(await codeOf(ec2.send(new ModifyVolumeCommand({ VolumeId: volume, Size: 9 })))).toBe(
      'IncorrectModificationState',
    );
    await grown(size);
  }
  expect((await run('blockdev', ['--getsize64', device])).trim()).toBe(String(5 * 2 ** 30));
  expect(await codeOf(ec2.send(new ModifyVolumeCommand({ VolumeId: volume, Size: 6 })))).toBe(
    'VolumeModificationRateExceeded',
  );
  expect(await codeOf(ec2.send(new ModifyVolumeCommand({ VolumeId: volume, Size: 1 })))).toBe(
    'InvalidParameterValue',
  );
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
});

test('two Regions know nothing of each other', async () => {
  const europe = storage.client('eu-central-1');
  const volume = await storage.volume(europe, { AvailabilityZone: 'eu-central-1a' });
  expect(await codeOf(ec2.send(new DescribeVolumesCommand({ VolumeIds: [volume] })))).toBe(
    'InvalidVolume.NotFound',
  );
  expect(
    (await europe.send(new DescribeVolumesCommand({}))).Volumes?.map(({ VolumeId }) => VolumeId),
  ).toEqual([volume]);
});
