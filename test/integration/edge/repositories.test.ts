import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AwsRepositories } from '#shared/aws/archive/aws-repositories.ts';
import type { RepositoryUse } from '#shared/aws/archive/repositories.ts';
import { S3RepositoryKeeper } from '#shared/aws/archive/s3-repository-keeper.ts';
import type { RepositoryCredentials, RepositoryGrant, RepositoryRef } from '#shared/model/repository.ts';
import { Repository } from '#agent/restic/repository.ts';
import { openSession } from '#agent/restic/session.ts';
import { openDisks, sh, type Disks } from '#test/integration/archives/support/filesystem.ts';
import { startCloud, type TestCloud } from './cloud.ts';

const bucket = 'archive';
const hostId = 'i-0123456789abcdef0';
const mine: RepositoryRef = { prefix: 'repositories/vol-mine' };
const others: RepositoryRef = { prefix: 'repositories/vol-other' };

let cloud: TestCloud;
let disks: Disks;
let repositories: AwsRepositories;
let common: {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
};
let root: S3Client;

beforeAll(async () => {
  cloud = await startCloud();
  disks = await openDisks();
  common = {
    endpoint: cloud.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  root = new S3Client({ ...common, forcePathStyle: true });
  for (const name of [bucket, 'elsewhere']) await root.send(new CreateBucketCommand({ Bucket: name }));
  // The adapters find the cloud as they do in a function.
  vi.stubEnv('AWS_ENDPOINT_URL', cloud.aws);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  repositories = new AwsRepositories({
    bucket,
    keyArn: 'arn:aws:kms:us-east-1:000000000000:key/data',
    hostRoleArn: await role('host', ['s3:DeleteObject', `arn:aws:s3:::${bucket}/repositories/*/locks/*`]),
    keeperRoleArn: await role('keeper', ['s3:DeleteObject', `arn:aws:s3:::${bucket}/repositories/*`]),
    region: 'us-east-1',
    s3Endpoint: cloud.aws,
  });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await cloud.stop();
  await disks.close();
});

/** As the stack makes them: infra/permissions/repositories.ts. */
async function role(name: string, [action, resource]: [string, string]): Promise<string> {
  const iam = new IAMClient(common);
  const trust = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' };
  const document = (...Statement: object[]): string => JSON.stringify({ Version: '2012-10-17', Statement });
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: document(trust) }),
  );
  const objects = `arn:aws:s3:::${bucket}/repositories/*`;
  const policy = document(
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: `arn:aws:s3:::${bucket}` },
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: objects },
    { Effect: 'Allow', Action: action, Resource: resource },
  );
  await iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: 'p', PolicyDocument: policy }));
  return Role?.Arn ?? '';
}

const clientOf = ({ accessKeyId, secretAccessKey, sessionToken }: RepositoryCredentials): S3Client =>
  new S3Client({
    ...common,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  });

function tries(s3: S3Client) {
  const Bucket = bucket;
  const word = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => 'done',
      (error: unknown) => (error instanceof Error ? error.name : ''),
    );
  return {
    put: (Key: string) => word(s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))),
    get: (Key: string) => word(s3.send(new GetObjectCommand({ Bucket, Key }))),
    remove: (Key: string) => word(s3.send(new DeleteObjectCommand({ Bucket, Key }))),
    list: (Prefix: string) => word(s3.send(new ListObjectsV2Command({ Bucket, Prefix }))),
  };
}

const granted = async (use: RepositoryUse) =>
  tries(clientOf((await repositories.grant({ repository: mine, use, hostId })).credentials));
const keysUnder = async (prefix: string, Bucket = bucket): Promise<string[]> => {
  const { Contents = [] } = await root.send(new ListObjectsV2Command({ Bucket, Prefix: prefix }));
  return Contents.map(({ Key }) => Key ?? '');
};

describe('a grant', () => {
  beforeAll(async () => {
    for (const { prefix } of [mine, others]) expect(await tries(root).put(`${prefix}/data/a`)).toBe('done');
  });
  afterAll(async () => {
    for (const { prefix } of [mine, others]) await new S3RepositoryKeeper(bucket).empty(prefix);
  });

  it('for a backup reads and writes its own repository, and removes nothing but locks', async () => {
    const own = await granted('write');
    expect(await own.put(`${mine.prefix}/data/b`)).toBe('done');
    expect(await own.get(`${mine.prefix}/data/a`)).toBe('done');
    expect(await own.list(`${mine.prefix}/data/`)).toBe('done');
    expect(await own.put(`${mine.prefix}/locks/a`)).toBe('done');
    expect(await own.remove(`${mine.prefix}/locks/a`)).toBe('done');
    expect(await own.remove(`${mine.prefix}/data/a`)).toBe('AccessDenied');
    expect(await own.get(`${others.prefix}/data/a`)).toBe('AccessDenied');
    expect(await own.put(`${others.prefix}/data/a`)).toBe('AccessDenied');
    expect(await own.list(`${others.prefix}/`)).toBe('AccessDenied');
    expect(await own.list('')).toBe('AccessDenied');
    expect(await own.get('manifests/a')).toBe('AccessDenied');
  });

  it('for a restore writes nothing but locks; one for a removal removes, and only there', async () => {
    const reader = await granted('read');
    expect(await reader.get(`${mine.prefix}/data/a`)).toBe('done');
    expect(await reader.put(`${mine.prefix}/data/a`)).toBe('AccessDenied');
    expect(await reader.put(`${mine.prefix}/locks/a`)).toBe('done');
    const keeper = await granted('remove');
    expect(await keeper.remove(`${others.prefix}/data/a`)).toBe('AccessDenied');
    expect(await keeper.remove(`${mine.prefix}/data/a`)).toBe('done');
  });

  it('lasts an hour at most, for a removal a quarter of it', async () => {
    const left = async (use: RepositoryUse): Promise<number> => {
      const { credentials } = await repositories.grant({ repository: mine, use, hostId });
      return Math.round((Date.parse(credentials.expiresAt ?? '') - Date.now()) / 60_000);
    };
    expect(await left('write')).toBe(60);
    expect(await left('remove')).toBe(15);
  });
});

describe('a password', () => {
  it('is made once, stays, and is another one when a repository is begun', async () => {
    const first = await repositories.password(others);
    expect(first).toMatch(/^[\w-]{43}$/);
    expect(await Promise.all([repositories.password(others), repositories.password(others)])).toEqual([
      first,
      first,
    ]);
    const second = await repositories.renewPassword(others);
    expect(second).not.toBe(first);
    expect(await repositories.password(others)).toBe(second);
    await new S3RepositoryKeeper(bucket).removePassword(others);
    await new S3RepositoryKeeper(bucket).removePassword(others);
    expect(await repositories.password(others)).not.toBe(second);
  });
});

/** What a host does for its tasks, with restic itself. */
async function work<T>(
  of: {
    repository: RepositoryRef;
    use: RepositoryUse;
    expireAfter?: number;
    beforeKeys?: () => Promise<unknown>;
  },
  job: (repository: Repository) => Promise<T>,
): Promise<{ result: T; grants: number }> {
  let grants = 0;
  const { repository, use, expireAfter, beforeKeys } = of;
  const grant = async (begin: boolean): Promise<RepositoryGrant> => {
    grants += 1;
    const access = await repositories.grant({ repository, use, hostId });
    const password = await (begin
      ? repositories.renewPassword(repository)
      : repositories.password(repository));
    if (expireAfter === undefined) return { ...access, password };
    const expiresAt = new Date(Date.now() + expireAfter).toISOString();
    return { ...access, password, credentials: { ...access.credentials, expiresAt } };
  };
  const opened = await openSession({ grant });
  const keys: typeof opened.keys = async () => {
    await beforeKeys?.();
    return opened.keys();
  };
  const session = { ...opened, keys };
  const places = { root: join(disks.dir, 'root'), cache: join(disks.dir, 'cache') };
  for (const folder of Object.values(places)) await mkdir(folder, { recursive: true });
  const { signal } = new AbortController();
  try {
    return { result: await job(new Repository({ session, places, stopping: signal })), grants };
  } finally {
    await session.close();
  }
}

describe('restic under a grant', () => {
  const subject = (id: string, directory: string) => ({
    backupId: `bak-${id.repeat(26)}`,
    name: 'data',
    directory,
    path: '/data/data',
  });

  it('backs up without a right to remove, renews its keys, restores under a right to read, and forgets', async () => {
    const source = await disks.ext4('source', 64 * 2 ** 20);
    await sh(source, 'echo kept >file; ln file again; head -c 20000000 /dev/urandom >large');
    const made = await work({ repository: mine, use: 'write' }, async (repository) => {
      await repository.open();
      return repository.backup(subject('A', source));
    });
    expect(made.result).toMatchObject({ files: 3, notes: [] });
    await sh(source, 'echo more >more');
    // Keys that are about to end all the time: each process of restic asks anew.
    const second = await work({ repository: mine, use: 'write', expireAfter: 60_000 }, async (repository) => {
      await repository.open();
      return repository.backup(subject('B', source));
    });
    expect(second.result.addedBytes).toBeLessThan(100_000);
    expect(second.grants).toBeGreaterThan(3);
    expect(await keysUnder(`${mine.prefix}/locks/`)).toEqual([]);

    const target = join(disks.dir, 'restored');
    await mkdir(target);
    await work({ repository: mine, use: 'read' }, async (repository) => {
      await repository.unlock();
      await repository.restore(made.result.snapshotId, { directory: target, path: '/data/data' });
    });
    expect(await sh(target, 'cat file; stat -c %h again; cmp large ../source/large')).toBe('kept\n2\n');

    await work({ repository: mine, use: 'remove' }, async (repository) => {
      await repository.forget(`bak-${'A'.repeat(26)}`, made.result.snapshotId);
    });
    expect(await keysUnder(`${mine.prefix}/snapshots/`)).toHaveLength(1);
    const keeper = new S3RepositoryKeeper(bucket);
    expect(await keeper.empty(mine.prefix)).toBe(false);
    expect(await keysUnder(mine.prefix)).toEqual([]);
  });

  it('goes to another bucket, under keys of a secret', async () => {
    const credentialsSecret = 'hivemind/endpoints/minio';
    const other = { endpoint: cloud.aws, bucket: 'elsewhere', region: 'us-east-1', credentialsSecret };
    const repository: RepositoryRef = { ...mine, other };
    await expect(work({ repository, use: 'write' }, (one) => one.open())).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { value: credentialsSecret },
    });
    const SecretString = JSON.stringify({ accessKeyId: 'test', secretAccessKey: 'test' });
    await new SecretsManagerClient(common).send(
      new CreateSecretCommand({ Name: credentialsSecret, SecretString }),
    );
    const folder = join(disks.dir, 'small');
    await sh(disks.dir, 'mkdir small; echo kept >small/file');
    const { result } = await work({ repository, use: 'write' }, async (one) => {
      await one.open();
      return one.backup(subject('C', folder));
    });
    expect(result).toMatchObject({ files: 1 });
    expect(await keysUnder(`${mine.prefix}/snapshots/`, 'elsewhere')).toHaveLength(1);
    expect(await keysUnder(mine.prefix)).toEqual([]);
    // With its last backup all of it goes, as its password does then: the next backup begins a new one.
    const clear = (): Promise<unknown> => work({ repository, use: 'remove' }, (one) => one.clear());
    await clear();
    expect(await keysUnder(`${mine.prefix}/config`, 'elsewhere')).toHaveLength(1);
    const forget = (id: string): Promise<unknown> =>
      work({ repository, use: 'remove' }, (one) => one.forget(`bak-${id.repeat(26)}`, undefined));
    await forget('C');
    // A backup that another host makes while this one is on its way keeps its repository.
    const beforeKeys = (): Promise<unknown> =>
      work({ repository, use: 'write' }, (one) => one.backup(subject('E', folder)));
    await work({ repository, use: 'remove', beforeKeys }, (one) => one.clear());
    expect(await keysUnder(`${mine.prefix}/config`, 'elsewhere')).toHaveLength(1);
    await forget('E');
    await clear();
    expect(await keysUnder(mine.prefix, 'elsewhere')).toEqual([]);
    await new S3RepositoryKeeper(bucket).removePassword(repository);
    const next = await work({ repository, use: 'write' }, async (one) => {
      await one.open();
      return one.backup(subject('D', folder));
    });
    expect(next.result).toMatchObject({ files: 1 });
  });
});
