import { rm } from 'node:fs/promises';
import type {
  DeleteRecoveryPointInput,
  DescribeRecoveryPointInput,
  DescribeRecoveryPointOutput,
  GetRecoveryPointRestoreMetadataInput,
  GetRecoveryPointRestoreMetadataOutput,
  ListRecoveryPointsByBackupVaultInput,
  ListRecoveryPointsByBackupVaultOutput,
  ListRecoveryPointsByResourceInput,
  ListRecoveryPointsByResourceOutput,
  ListTagsInput,
  ListTagsOutput,
} from '@aws-sdk/client-backup';
import { type Call, type Cloud, delayOf } from '../cloud.ts';
import { restPage } from '../efs/lookup.ts';
import { AwsError } from '../errors.ts';
import type { RecoveryPoint } from '../state/entities.ts';
import type { View } from '../state/store.ts';
import { backupErrors } from './errors.ts';
import { filesOf } from './folders.ts';
import { vaultArn, vaultOf } from './vaults.ts';

export function recoveryPointOf(view: View, call: Call, arn: string | undefined): RecoveryPoint {
  const point = view.get('recoveryPoints', arn ?? '');
  if (point?.region !== call.region) throw backupErrors.notFound(`Recovery point ${arn ?? ''}`);
  return point;
}

interface InVault {
  readonly BackupVaultName: string | undefined;
  readonly RecoveryPointArn: string | undefined;
}

export function pointInVault(
  view: View,
  call: Call,
  { BackupVaultName: name, RecoveryPointArn: arn }: InVault,
): RecoveryPoint {
  const vault = vaultOf(view, call, name);
  const point = recoveryPointOf(view, call, arn);
  if (point.vaultName !== vault.name) throw backupErrors.notFound(`Recovery point ${point.arn}`);
  return point;
}

export async function describeRecoveryPoint(
  _: Cloud,
  call: Call,
  input: DescribeRecoveryPointInput,
): Promise<DescribeRecoveryPointOutput> {
  return await Promise.resolve({
    ...describe(call, pointInVault(call.view, call, input)),
    StorageClass: 'WARM' as const,
  });
}

function describe(call: Call, point: RecoveryPoint) {
  return {
    RecoveryPointArn: point.arn,
    BackupVaultName: point.vaultName,
    BackupVaultArn: vaultArn(call, point.vaultName),
    ResourceArn: point.resourceArn,
    ResourceType: 'EFS',
    IamRoleArn: point.iamRoleArn,
    Status: point.status,
    CreationDate: new Date(point.creationTime),
    CompletionDate: point.completionTime === undefined ? undefined : new Date(point.completionTime),
    BackupSizeInBytes: point.sizeInBytes,
    IsEncrypted: true,
    IsParent: false,
    VaultType: 'BACKUP_VAULT' as const,
  };
}

export async function listRecoveryPointsByBackupVault(
  _: Cloud,
  call: Call,
  input: ListRecoveryPointsByBackupVaultInput,
): Promise<ListRecoveryPointsByBackupVaultOutput> {
  const { name } = vaultOf(call.view, call, input.BackupVaultName);
  const {
    ByResourceArn: resource,
    ByResourceType: type,
    ByCreatedAfter: after,
    ByCreatedBefore: before,
  } = input;
  const fits = (point: RecoveryPoint): boolean =>
    point.region === call.region &&
    point.vaultName === name &&
    (resource === undefined || point.resourceArn === resource) &&
    (type === undefined || type === 'EFS') &&
    (after === undefined || Date.parse(point.creationTime) > after.getTime()) &&
    (before === undefined || Date.parse(point.creationTime) < before.getTime());
  const { items, next } = restPage({
    items: call.view.list('recoveryPoints').filter(fits),
    key: ({ arn }) => arn,
    most: input.MaxResults,
    token: input.NextToken,
    query: [name, resource, type, after, before],
  });
  return await Promise.resolve({
    RecoveryPoints: items.map((point) => describe(call, point)),
    NextToken: next,
  });
}

export async function listRecoveryPointsByResource(
  _: Cloud,
  call: Call,
  input: ListRecoveryPointsByResourceInput,
): Promise<ListRecoveryPointsByResourceOutput> {
  const all = call.view
    .list('recoveryPoints')
    .filter(({ region, resourceArn }) => region === call.region && resourceArn === input.ResourceArn);
  const { items, next } = restPage({
    items: all,
    key: ({ arn }) => arn,
    most: input.MaxResults,
    token: input.NextToken,
    query: input.ResourceArn,
  });
  return await Promise.resolve({
    RecoveryPoints: items.map((point) => ({
      RecoveryPointArn: point.arn,
      CreationDate: new Date(point.creationTime),
      Status: point.status,
      BackupSizeBytes: point.sizeInBytes,
      BackupVaultName: point.vaultName,
      IsParent: false,
      VaultType: 'BACKUP_VAULT' as const,
    })),
    NextToken: next,
  });
}

export async function deleteRecoveryPoint(
  cloud: Cloud,
  call: Call,
  input: DeleteRecoveryPointInput,
): Promise<void> {
  const point = pointInVault(cloud.store, call, input);
  refuseUsed(cloud.store, point.arn);
  cloud.store.put('recoveryPoints', point.arn, { ...point, status: 'DELETING' });
  await cloud.store.commit();
  finishDeletePointLater(cloud, point.arn, delayOf(cloud, call, 'backup'));
}

/** One that is being restored or copied stays. */
function refuseUsed(view: View, arn: string): void {
  const restore = view
    .list('restoreJobs')
    .find(
      ({ recoveryPointArn, state }) =>
        recoveryPointArn === arn && (state === 'PENDING' || state === 'RUNNING'),
    );
  const copy = view
    .list('copyJobs')
    .find(({ sourceArn, state }) => sourceArn === arn && (state === 'CREATED' || state === 'RUNNING'));
  const user = restore ?? copy;
  if (user)
    throw new AwsError(
      'InvalidResourceStateException',
      `Recovery point ${arn} is being ${restore ? 'restored' : 'copied'} by job ${user.id}`,
    );
}

export function finishDeletePointLater(cloud: Cloud, arn: string, delayMs: number): void {
  cloud.work.later(arn, delayMs, async () => {
    if (cloud.store.get('recoveryPoints', arn)?.status !== 'DELETING') return;
    await rm(filesOf(cloud, arn), { recursive: true, force: true });
    cloud.store.delete('recoveryPoints', arn);
    await cloud.store.commit();
  });
}

export async function getRecoveryPointRestoreMetadata(
  _: Cloud,
  call: Call,
  input: GetRecoveryPointRestoreMetadataInput,
): Promise<GetRecoveryPointRestoreMetadataOutput> {
  const point = pointInVault(call.view, call, input);
  return await Promise.resolve({
    BackupVaultArn: vaultArn(call, point.vaultName),
    RecoveryPointArn: point.arn,
    RestoreMetadata: { 'file-system-id': point.resourceArn.replace(/^.*\//, '') },
    ResourceType: 'EFS',
  });
}

export async function listTags(_: Cloud, call: Call, input: ListTagsInput): Promise<ListTagsOutput> {
  return await Promise.resolve({ Tags: { ...recoveryPointOf(call.view, call, input.ResourceArn).tags } });
}
