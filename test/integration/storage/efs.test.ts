import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateAccessPointCommand,
  CreateFileSystemCommand,
  CreateMountTargetCommand,
  DeleteAccessPointCommand,
  DeleteFileSystemCommand,
  DeleteMountTargetCommand,
  DescribeAccessPointsCommand,
  DescribeFileSystemsCommand,
  DescribeLifecycleConfigurationCommand,
  DescribeMountTargetsCommand,
  EFSClient,
  ListTagsForResourceCommand,
  PutLifecycleConfigurationCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-efs';
import { DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '#local/storage/bytes/exec.ts';
import { until } from '#test/support/until.ts';
import { codeOf, credentials, TestStorage } from './support/storage.ts';

let storage: TestStorage;
let efs: EFSClient;

beforeAll(async () => {
  storage = await TestStorage.start();
  efs = new EFSClient({ region: 'us-east-1', endpoint: storage.service.url, credentials, maxAttempts: 1 });
});

afterAll(async () => {
  const { invalidAnswers } = storage.service;
  await storage.close();
  expect(invalidAnswers).toEqual([]);
});

async function fileSystem(token: string): Promise<string> {
  const { FileSystemId } = await efs.send(
    new CreateFileSystemCommand({
      CreationToken: token,
      Encrypted: true,
      Tags: [{ Key: 'Name', Value: token }],
    }),
  );
  await until('the file system is available', async () => {
    const { FileSystems } = await efs.send(new DescribeFileSystemsCommand({ FileSystemId }));
    return FileSystems?.[0]?.LifeCycleState === 'available';
  });
  return FileSystemId ?? '';
}

async function mountTarget(FileSystemId: string): Promise<string> {
  const { Subnets } = await storage
    .client()
    .send(new DescribeSubnetsCommand({ Filters: [{ Name: 'availability-zone', Values: ['us-east-1a'] }] }));
  const { MountTargetId } = await efs.send(
    new CreateMountTargetCommand({ FileSystemId, SubnetId: Subnets?.[0]?.SubnetId }),
  );
  await until('the mount target is available', async () => {
    const { MountTargets } = await efs.send(new DescribeMountTargetsCommand({ MountTargetId }));
    return MountTargets?.[0]?.LifeCycleState === 'available';
  });
  return MountTargetId ?? '';
}

async function accessPoint(FileSystemId: string, path: string): Promise<string> {
  const input = {
    ClientToken: `token ${path}`,
    FileSystemId,
    PosixUser: { Uid: 1000, Gid: 1000 },
    RootDirectory: { Path: path, CreationInfo: { OwnerUid: 1000, OwnerGid: 1001, Permissions: '0750' } },
  };
  const { AccessPointId } = await efs.send(new CreateAccessPointCommand(input));
  expect((await efs.send(new CreateAccessPointCommand(input))).AccessPointId).toBe(AccessPointId);
  expect(
    await codeOf(efs.send(new CreateAccessPointCommand({ ...input, PosixUser: { Uid: 1, Gid: 1 } }))),
  ).toBe('AccessPointAlreadyExists');
  await until('the access point is available', async () => {
    const { AccessPoints } = await efs.send(new DescribeAccessPointsCommand({ AccessPointId }));
    return AccessPoints?.[0]?.LifeCycleState === 'available';
  });
  return AccessPointId ?? '';
}

async function mountEfs(source: string, name: string, options: string): Promise<string> {
  const point = join(storage.dir, 'mnt', name);
  await mkdir(point, { recursive: true });
  await run(join(storage.dir, 'mount.efs'), [source, point, '-o', options]);
  return point;
}

test('two mounts of one access point share files, which outlive it', async () => {
  const id = await fileSystem('shared');
  const target = await mountTarget(id);
  const point = await accessPoint(id, '/volumes/one');
  const first = await mountEfs(`${id}:/`, 'first', `tls,iam,accesspoint=${point}`);
  const second = await mountEfs(`${id}:/`, 'second', `rw,tls,iam,accesspoint=${point},ro,nosuid`);
  const whole = await mountEfs(`${id}:/`, 'whole', 'tls');
  try {
    const { uid, gid, mode } = await stat(first);
    expect([uid, gid, mode & 0o7777]).toEqual([1000, 1001, 0o750]);
    const records = await storage.admin<{ id: string; path: string }[]>('GET /accesspoints');
    expect(records.find((one) => one.id === point)?.path).toBe('/volumes/one');
    await writeFile(join(first, 'data'), 'shared');
    expect(await readFile(join(second, 'data'), 'utf8')).toBe('shared');
    await expect(writeFile(join(second, 'data'), 'x')).rejects.toThrow('EROFS');
    await efs.send(new DeleteAccessPointCommand({ AccessPointId: point }));
    await expect(mountEfs(`${id}:/`, 'third', `tls,iam,accesspoint=${point}`)).rejects.toThrow(
      'access denied',
    );
    expect(await readFile(join(whole, 'volumes/one/data'), 'utf8')).toBe('shared');
  } finally {
    for (const mount of [first, second, whole]) await run('umount', [mount]);
  }
  expect(await codeOf(efs.send(new DeleteFileSystemCommand({ FileSystemId: id })))).toBe('FileSystemInUse');
  await efs.send(new DeleteMountTargetCommand({ MountTargetId: target }));
  await until(
    'the mount target is gone',
    async () =>
      (await codeOf(efs.send(new DescribeMountTargetsCommand({ MountTargetId: target })))) ===
      'MountTargetNotFound',
  );
  await efs.send(new DeleteFileSystemCommand({ FileSystemId: id }));
  await until(
    'the file system is gone',
    async () =>
      (await codeOf(efs.send(new DescribeFileSystemsCommand({ FileSystemId: id })))) === 'FileSystemNotFound',
  );
});

test('a mount is refused for what amazon-efs-utils refuses', async () => {
  const id = await fileSystem('refused');
  await expect(mountEfs(`${id}:/`, 'no-target', 'tls')).rejects.toThrow('no mount target');
  await mountTarget(id);
  await expect(mountEfs('fs-00000000:/', 'no-fs', 'tls')).rejects.toThrow('no such file system');
  await expect(mountEfs(`${id}:/`, 'no-tls', 'iam')).rejects.toThrow('"tls" option is required');
  await expect(mountEfs(`${id}:/`, 'odd', 'tls,exploit')).rejects.toThrow('unknown option: exploit');
  await expect(mountEfs(`${id}:/`, 'no-point', 'tls,accesspoint=fsap-00000000')).rejects.toThrow(
    'access denied',
  );
  await expect(mountEfs(`${id}:/nowhere`, 'no-path', 'tls')).rejects.toThrow('No such file or directory');
});

test('a creation token is used once, tags and lifecycle are kept, listings come in pages', async () => {
  const id = await fileSystem('tokened');
  expect(await codeOf(efs.send(new CreateFileSystemCommand({ CreationToken: 'tokened' })))).toBe(
    'FileSystemAlreadyExists',
  );
  await efs.send(
    new TagResourceCommand({
      ResourceId: id,
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '2' },
      ],
    }),
  );
  await efs.send(new UntagResourceCommand({ ResourceId: id, TagKeys: ['b'] }));
  const { Tags } = await efs.send(new ListTagsForResourceCommand({ ResourceId: id }));
  expect(Tags).toEqual([
    { Key: 'Name', Value: 'tokened' },
    { Key: 'a', Value: '1' },
  ]);
  await efs.send(
    new PutLifecycleConfigurationCommand({
      FileSystemId: id,
      LifecyclePolicies: [{ TransitionToIA: 'AFTER_30_DAYS' }],
    }),
  );
  expect(
    (await efs.send(new DescribeLifecycleConfigurationCommand({ FileSystemId: id }))).LifecyclePolicies,
  ).toEqual([{ TransitionToIA: 'AFTER_30_DAYS' }]);
  const all = new Set<string>();
  let Marker: string | undefined;
  do {
    const page = await efs.send(new DescribeFileSystemsCommand({ MaxItems: 1, Marker }));
    expect(page.FileSystems).toHaveLength(1);
    all.add(page.FileSystems?.[0]?.FileSystemId ?? '');
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  expect(all.has(id)).toBe(true);
  expect(await codeOf(efs.send(new DescribeFileSystemsCommand({ MaxItems: 1, Marker: 'forged' })))).toBe(
    'BadRequest',
  );
});

test('what the model forbids is refused before anything happens', async () => {
  const bad = { CreationToken: 'x'.repeat(65) };
  expect(await codeOf(efs.send(new CreateFileSystemCommand(bad)))).toBe('ValidationException');
  expect(await codeOf(efs.send(new DescribeFileSystemsCommand({ FileSystemId: 'fs-nonsense' })))).toBe(
    'ValidationException',
  );
  expect(
    await codeOf(efs.send(new DescribeFileSystemsCommand({ FileSystemId: 'fs-0123456789abcdef0' }))),
  ).toBe('FileSystemNotFound');
});

test('a file system of another maker is taken over with its mount targets, and again', async () => {
  const described = {
    CreationToken: 'cfn',
    Encrypted: true,
    Tags: [{ Key: 'k', Value: 'v' }],
    MountTargets: [{ MountTargetId: 'fsmt-0123456789abcdef0', SubnetId: 'subnet-0123456789abcdef0' }],
  };
  await storage.admin('PUT /filesystems/fs-0123456789abcdef1', described);
  await storage.admin('PUT /filesystems/fs-0123456789abcdef1', described);
  const { MountTargets } = await efs.send(
    new DescribeMountTargetsCommand({ FileSystemId: 'fs-0123456789abcdef1' }),
  );
  expect(MountTargets?.map((one) => one.MountTargetId)).toEqual(['fsmt-0123456789abcdef0']);
  expect(await storage.admin('GET /resources/fs-0123456789abcdef1')).toEqual({ tags: { k: 'v' } });
});

test('a mount follows no link out of the file system', async () => {
  const id = await fileSystem('linked');
  await mountTarget(id);
  await symlink('/etc', join(storage.dir, 'efs', id, 'data', 'out'));
  const point = await accessPoint(id, '/out/deeper');
  await expect(mountEfs(`${id}:/out`, 'out', 'tls')).rejects.toThrow('mount.efs');
  await expect(mountEfs(`${id}:/`, 'deeper', `tls,accesspoint=${point}`)).rejects.toThrow('mount.efs');
  expect(await readdir('/etc')).not.toContain('deeper');
});

test('a file system has so many access points and no more', async () => {
  const small = await TestStorage.start({ limits: { accessPoints: 1 } });
  try {
    const client = new EFSClient({
      region: 'us-east-1',
      endpoint: small.service.url,
      credentials,
      maxAttempts: 1,
    });
    await small.admin('PUT /filesystems/fs-0123456789abcdef2', {});
    const create = (token: string): Promise<string> =>
      codeOf(
        client.send(
          new CreateAccessPointCommand({ ClientToken: token, FileSystemId: 'fs-0123456789abcdef2' }),
        ),
      );
    expect([await create('a'), await create('b'), await create('a')]).toEqual([
      'no error',
      'AccessPointLimitExceeded',
      'no error',
    ]);
  } finally {
    await small.close();
  }
});
