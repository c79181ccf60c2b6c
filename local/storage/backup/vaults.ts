import type {
  CreateBackupVaultInput,
  CreateBackupVaultOutput,
  DeleteBackupVaultInput,
  DescribeBackupVaultInput,
  DescribeBackupVaultOutput,
  ListBackupVaultsInput,
  ListBackupVaultsOutput,
} from '@aws-sdk/client-backup';
import { type Call, type Cloud, nowIso } from '../cloud.ts';
import { restPage } from '../efs/lookup.ts';
import { AwsError } from '../errors.ts';
import type { BackupVault } from '../state/entities.ts';
import type { View } from '../state/store.ts';
import { backupErrors } from './errors.ts';

const key = (call: Pick<Call, 'region'>, name: string): string => `${call.region}/${name}`;

export function vaultOf(view: View, call: Pick<Call, 'region'>, name: string | undefined): BackupVault {
  const vault = view.get('vaults', key(call, name ?? ''));
  if (!vault) throw backupErrors.notFound(`Backup vault ${name ?? ''}`);
  return vault;
}

export const vaultArn = (call: { region: string; account: string }, name: string): string =>
  `arn:aws:backup:${call.region}:${call.account}:backup-vault:${name}`;

export async function createBackupVault(
  cloud: Cloud,
  call: Call,
  input: CreateBackupVaultInput,
): Promise<CreateBackupVaultOutput> {
  const name = input.BackupVaultName ?? '';
  const before = cloud.store.get('vaults', key(call, name));
  const repeated =
    before?.creatorRequestId !== undefined && before.creatorRequestId === input.CreatorRequestId;
  if (before && !repeated) {
    const members = { Arn: vaultArn(call, name), CreatorRequestId: before.creatorRequestId };
    throw new AwsError('AlreadyExistsException', 'Backup vault with the same name already exists', {
      members,
    });
  }
  const vault = before ?? {
    name,
    region: call.region,
    creationTime: nowIso(),
    kmsKeyArn: input.EncryptionKeyArn ?? `arn:aws:kms:${call.region}:${call.account}:alias/aws/backup`,
    creatorRequestId: input.CreatorRequestId,
  };
  cloud.store.put('vaults', key(call, name), vault);
  await cloud.store.commit();
  return {
    BackupVaultName: name,
    BackupVaultArn: vaultArn(call, name),
    CreationDate: new Date(vault.creationTime),
  };
}

export async function deleteBackupVault(
  cloud: Cloud,
  call: Call,
  input: DeleteBackupVaultInput,
): Promise<void> {
  const { name } = vaultOf(cloud.store, call, input.BackupVaultName);
  if (pointsIn(cloud.store, call, name) > 0)
    throw backupErrors.refused('Backup vault cannot be deleted because it contains recovery points.');
  cloud.store.delete('vaults', key(call, name));
  await cloud.store.commit();
}

const pointsIn = (view: View, call: Call, name: string): number =>
  view.list('recoveryPoints').filter(({ region, vaultName }) => region === call.region && vaultName === name)
    .length;

export async function describeBackupVault(
  _: Cloud,
  call: Call,
  input: DescribeBackupVaultInput,
): Promise<DescribeBackupVaultOutput> {
  return await Promise.resolve(describe(call, vaultOf(call.view, call, input.BackupVaultName)));
}

export async function listBackupVaults(
  _: Cloud,
  call: Call,
  input: ListBackupVaultsInput,
): Promise<ListBackupVaultsOutput> {
  const all = call.view.list('vaults').filter(({ region }) => region === call.region);
  const { items, next } = restPage({
    items: all,
    key: ({ name }) => name,
    most: input.MaxResults,
    token: input.NextToken,
    query: [call.region],
  });
  return await Promise.resolve({
    BackupVaultList: items.map((vault) => describe(call, vault)),
    NextToken: next,
  });
}

function describe(call: Call, vault: BackupVault) {
  return {
    BackupVaultName: vault.name,
    BackupVaultArn: vaultArn(call, vault.name),
    VaultType: 'BACKUP_VAULT' as const,
    EncryptionKeyArn: vault.kmsKeyArn,
    CreationDate: new Date(vault.creationTime),
    CreatorRequestId: vault.creatorRequestId,
    NumberOfRecoveryPoints: pointsIn(call.view, call, vault.name),
    Locked: false,
  };
}
