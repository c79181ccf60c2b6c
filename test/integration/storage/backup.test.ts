import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BackupClient,
  CreateBackupVaultCommand,
  DeleteBackupVaultCommand,
  DeleteRecoveryPointCommand,
  DescribeBackupJobCommand,
  DescribeCopyJobCommand,
  DescribeRecoveryPointCommand,
  DescribeRestoreJobCommand,
  ListRecoveryPointsByBackupVaultCommand,
  ListRecoveryPointsByResourceCommand,
  ListTagsCommand,
  StartBackupJobCommand,
  StartCopyJobCommand,
  StartRestoreJobCommand,
} from '@aws-sdk/client-backup';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#test/support/until.ts';
import { codeOf, credentials, TestStorage } from './support/storage.ts';

const id = 'fs-0123456789abcdef0';
const ResourceArn = `arn:aws:elasticfilesystem:us-east-1:000000000000:file-system/${id}`;
const IamRoleArn = 'arn:aws:iam::000000000000:role/backup';
const vault = { BackupVaultName: 'product' };
let storage: TestStorage;
let backup: BackupClient;
let data: string;

beforeAll(async () => {
  storage = await TestStorage.start();
  backup = new BackupClient({
    region: 'us-east-1',
    endpoint: storage.service.url,
    credentials,
    maxAttempts: 1,
  });
  await storage.admin(`PUT /filesystems/${id}`, { CreationToken: 'source' });
  data = join(storage.dir, 'efs', id, 'data');
  await backup.send(new CreateBackupVaultCommand(vault));
});

afterAll(async () => {
  const { invalidAnswers } = storage.service;
  await storage.close();
  expect(invalidAnswers).toEqual([]);
});

async function backedUp(token: string): Promise<string> {
  const input = { ...vault, ResourceArn, IamRoleArn, IdempotencyToken: token, RecoveryPointTags: { token } };
  const { BackupJobId, RecoveryPointArn = '' } = await backup.send(new StartBackupJobCommand(input));
  expect((await backup.send(new StartBackupJobCommand(input))).BackupJobId).toBe(BackupJobId);
  await until(
    'the backup is completed',
    async () => (await backup.send(new DescribeBackupJobCommand({ BackupJobId }))).State === 'COMPLETED',
  );
  return RecoveryPointArn;
}

async function restored(
  arn: string,
  metadata: Record<string, string>,
): Promise<{ status: string | undefined; resource: string | undefined }> {
  const { RestoreJobId } = await backup.send(
    new StartRestoreJobCommand({
      RecoveryPointArn: arn,
      IamRoleArn,
      Metadata: { 'file-system-id': id, newFileSystem: 'false', ...metadata },
    }),
  );
  return await until('the restore has ended', async () => {
    const { Status, CreatedResourceArn } = await backup.send(new DescribeRestoreJobCommand({ RestoreJobId }));
    return Status === 'COMPLETED' || Status === 'FAILED'
      ? { status: Status, resource: CreatedResourceArn }
      : undefined;
  });
}

const restoreFolders = async (root: string): Promise<string[]> =>
  (await readdir(root)).filter((name) => name.startsWith('aws-backup-restore_'));

test('one item of a recovery point comes back in a directory of its own, nothing is written over', async () => {
  await mkdir(join(data, 'volumes/one'), { recursive: true });
  await mkdir(join(data, 'volumes/two'), { recursive: true });
  await writeFile(join(data, 'volumes/one/file'), 'old');
  await writeFile(join(data, 'volumes/two/file'), 'other');
  await symlink('/etc', join(data, 'out'));
  const arn = await backedUp('first');
  const records = await storage.admin<{ arn: string; status: string }[]>('GET /recoverypoints');
  expect(records.find((one) => one.arn === arn)?.status).toBe('COMPLETED');
  await writeFile(join(data, 'volumes/one/file'), 'new');
  expect((await restored(arn, { itemsToRestore: '["/volumes/one"]' })).status).toBe('COMPLETED');
  const [folder = ''] = await restoreFolders(data);
  expect(await readFile(join(data, folder, 'volumes/one/file'), 'utf8')).toBe('old');
  expect(await readFile(join(data, 'volumes/one/file'), 'utf8')).toBe('new');
  expect(await readdir(join(data, folder, 'volumes'))).toEqual(['one']);
  expect((await restored(arn, { itemsToRestore: '["/volumes/none"]' })).status).toBe('FAILED');
  expect((await restored(arn, { itemsToRestore: '["/out/hostname"]' })).status).toBe('FAILED');
  expect((await backup.send(new ListTagsCommand({ ResourceArn: arn }))).Tags).toEqual({ token: 'first' });
});

test('a whole recovery point comes back in a new file system', async () => {
  const arn = await backedUp('second');
  const { status, resource = '' } = await restored(arn, {
    newFileSystem: 'true',
    Encrypted: 'true',
    PerformanceMode: 'generalPurpose',
    CreationToken: 'restored',
  });
  expect(status).toBe('COMPLETED');
  const root = join(storage.dir, 'efs', resource.replace(/^.*\//, ''), 'data');
  const [folder = ''] = await restoreFolders(root);
  expect(await readFile(join(root, folder, 'volumes/two/file'), 'utf8')).toBe('other');
});

test('a copy goes to the vault that is named, in another Region, with files and tags, and is begun once', async () => {
  const far = new BackupClient({
    region: 'eu-west-1',
    endpoint: storage.service.url,
    credentials,
    maxAttempts: 1,
  });
  const { BackupVaultArn: DestinationBackupVaultArn } = await far.send(
    new CreateBackupVaultCommand({ BackupVaultName: 'far' }),
  );
  const arn = await backedUp('copied');
  const input = {
    RecoveryPointArn: arn,
    SourceBackupVaultName: vault.BackupVaultName,
    DestinationBackupVaultArn,
    IamRoleArn,
    IdempotencyToken: 'copy',
  };
  const start = (parts: Partial<typeof input> = {}) =>
    backup.send(new StartCopyJobCommand({ ...input, ...parts }));
  const { CopyJobId } = await start();
  expect((await start()).CopyJobId).toBe(CopyJobId);
  const own = 'arn:aws:backup:us-east-1:000000000000:backup-vault:product';
  expect(await codeOf(start({ DestinationBackupVaultArn: own }))).toBe('InvalidParameterValueException');
  const job = await until('the copy is completed', async () => {
    const { CopyJob } = await backup.send(new DescribeCopyJobCommand({ CopyJobId }));
    return CopyJob?.State === 'COMPLETED' ? CopyJob : undefined;
  });
  expect(job).toMatchObject({ SourceRecoveryPointArn: arn, DestinationBackupVaultArn, ResourceArn });
  const ResourceCopy = job.DestinationRecoveryPointArn ?? '';
  const point = { BackupVaultName: 'far', RecoveryPointArn: ResourceCopy };
  const made = await far.send(new DescribeRecoveryPointCommand(point));
  const source = await backup.send(new DescribeRecoveryPointCommand({ ...vault, RecoveryPointArn: arn }));
  expect(made.CreationDate).toEqual(source.CreationDate);
  expect((await far.send(new ListTagsCommand({ ResourceArn: ResourceCopy }))).Tags).toEqual({
    token: 'copied',
  });
  expect(await codeOf(far.send(new DescribeCopyJobCommand({ CopyJobId })))).toBe('ResourceNotFoundException');
  for (const wrong of [
    { DestinationBackupVaultArn: own.replace('product', 'none') },
    { RecoveryPointArn: ResourceCopy },
  ])
    expect(await codeOf(start({ ...wrong, IdempotencyToken: 'other' }))).toBe('ResourceNotFoundException');
});

test('recovery points are listed, described and deleted; a vault with some stays', async () => {
  const arn = await backedUp('third');
  const byVault = await backup.send(
    new ListRecoveryPointsByBackupVaultCommand({ ...vault, ByResourceArn: ResourceArn }),
  );
  expect(byVault.RecoveryPoints?.map((point) => point.RecoveryPointArn)).toContain(arn);
  const byResource = await backup.send(
    new ListRecoveryPointsByResourceCommand({ ResourceArn, MaxResults: 1 }),
  );
  expect(byResource.RecoveryPoints).toHaveLength(1);
  expect(await codeOf(backup.send(new DeleteBackupVaultCommand(vault)))).toBe('InvalidRequestException');
  const point = { ...vault, RecoveryPointArn: arn };
  expect((await backup.send(new DescribeRecoveryPointCommand(point))).BackupSizeInBytes).toBeGreaterThan(0);
  await backup.send(new DeleteRecoveryPointCommand(point));
  await until(
    'the recovery point is gone',
    async () =>
      (await codeOf(backup.send(new DescribeRecoveryPointCommand(point)))) === 'ResourceNotFoundException',
  );
});

test('what AWS Backup refuses', async () => {
  const job = { ...vault, ResourceArn, IamRoleArn };
  expect(await codeOf(backup.send(new CreateBackupVaultCommand(vault)))).toBe('AlreadyExistsException');
  expect(await codeOf(backup.send(new CreateBackupVaultCommand({ BackupVaultName: 'a b' })))).toBe(
    'InvalidParameterValueException',
  );
  expect(await codeOf(backup.send(new StartBackupJobCommand({ ...job, BackupVaultName: 'nowhere' })))).toBe(
    'ResourceNotFoundException',
  );
  expect(
    await codeOf(backup.send(new StartBackupJobCommand({ ...job, ResourceArn: 'arn:aws:s3:::x' }))),
  ).toBe('InvalidParameterValueException');
  expect(await codeOf(backup.send(new StartBackupJobCommand({ ...job, IamRoleArn: 'nobody' })))).toBe(
    'InvalidParameterValueException',
  );
  const RecoveryPointArn = await backedUp('fourth');
  for (const itemsToRestore of ['["/1","/2","/3","/4","/5","/6"]', '["../etc"]', '["/a/../b"]', 'nonsense']) {
    const Metadata = { 'file-system-id': id, itemsToRestore };
    expect(await codeOf(backup.send(new StartRestoreJobCommand({ RecoveryPointArn, Metadata })))).toBe(
      'InvalidParameterValueException',
    );
  }
});
