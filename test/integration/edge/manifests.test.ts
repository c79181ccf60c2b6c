import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3ManifestObjects } from '#shared/aws/archive/s3-manifest-objects.ts';
import { manifestKey } from '#shared/model/drill.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { as, makeUser } from './world.ts';

const Bucket = 'archives';
const backup = (n: number) => `bak-${String(n).padStart(26, '0')}`;

describe('manifests in a bucket that keeps versions', () => {
  let cloud: TestCloud;
  let admin: S3Client;
  let manifests: S3ManifestObjects;
  beforeAll(async () => {
    cloud = await startCloud();
    cloud.apiId = 'none';
    admin = new S3Client({ ...as(cloud.aws), forcePathStyle: true });
    await admin.send(new CreateBucketCommand({ Bucket }));
    const VersioningConfiguration = { Status: 'Enabled' as const };
    await admin.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    // What infra/permissions/archive.ts gives.
    const keys = await makeUser(cloud.aws, 'remover', [
      {
        Action: 's3:ListBucketVersions',
        Resource: `arn:aws:s3:::${Bucket}`,
        Condition: { StringLike: { 's3:prefix': 'manifests/*' } },
      },
      {
        Action: ['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:GetObject', 's3:PutObject'],
        Resource: `arn:aws:s3:::${Bucket}/manifests/*`,
      },
    ]);
    manifests = new S3ManifestObjects(Bucket, new S3Client({ ...as(cloud.aws, keys), forcePathStyle: true }));
  });
  afterAll(() => cloud?.stop());

  const put = (Key: string) => admin.send(new PutObjectCommand({ Bucket, Key, Body: 'names' }));
  const keysLeft = async (): Promise<string[]> => {
    const { Versions = [], DeleteMarkers = [] } = await admin.send(new ListObjectVersionsCommand({ Bucket }));
    return [...Versions, ...DeleteMarkers].map(({ Key = '' }) => Key).toSorted();
  };

  it('are listed once each, and removed in all versions; nothing else is touched', async () => {
    for (const n of [1, 1, 2]) await put(manifestKey(backup(n)));
    for (const key of ['manifests/other', 'transfers/op-1/archive.tar.gz']) await put(key);
    const listed: string[] = [];
    for await (const page of manifests.list()) listed.push(...page.map(({ backupId }) => backupId));
    expect(listed).toEqual([backup(1), backup(2)]);
    await manifests.remove(backup(1));
    await manifests.remove(backup(1));
    expect(await keysLeft()).toEqual([
      manifestKey(backup(2)),
      'manifests/other',
      'transfers/op-1/archive.tar.gz',
    ]);
  });

  it('of a copy is one of its own: either is removed alone', async () => {
    await put(manifestKey(backup(3)));
    expect(await manifests.copy(backup(3), backup(4))).toBe(true);
    expect(await manifests.copy(backup(3), backup(4))).toBe(true);
    await manifests.remove(backup(3));
    expect(await manifests.copy(backup(3), backup(4))).toBe(false);
    const { Body } = await admin.send(new GetObjectCommand({ Bucket, Key: manifestKey(backup(4)) }));
    expect(await Body?.transformToString()).toBe('names');
    await manifests.remove(backup(4));
    expect(await keysLeft()).not.toContain(manifestKey(backup(4)));
  });
});
