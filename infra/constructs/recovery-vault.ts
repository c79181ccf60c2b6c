import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnBackupVault } from 'aws-cdk-lib/aws-backup';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { grant } from '../permissions/permission.ts';
import type { Permission } from '../permissions/permission.ts';
import { betweenVaults } from '../permissions/recovery-points.ts';
import type { SharedFiles } from './shared-files.ts';

export interface RecoveryVaultProps {
  readonly files: SharedFiles;
  /** Of the file system, and of the recovery points. */
  readonly key: IKey;
  readonly config: Pick<Config, 'copyKeys' | 'copyVaults'>;
}

/** Of this account and Region. */
const vaultName = 'hivemind-volumes';

/** Where recovery points of the shared file system are kept, and the role that AWS Backup makes and restores them under. */
export class RecoveryVault extends Construct {
  readonly vaultName: string;
  readonly vaultArn: string;
  /** In other Regions, which deployers make and name. */
  readonly copyVaultArns: readonly string[];
  readonly roleArn: string;

  constructor(scope: Construct, id: string, { files, key, config }: RecoveryVaultProps) {
    super(scope, id);
    const vault = new CfnBackupVault(this, 'Vault', {
      backupVaultName: vaultName,
      encryptionKeyArn: key.keyArn,
    });
    vault.applyRemovalPolicy(RemovalPolicy.RETAIN);
    const role = new Role(this, 'Role', {
      description: 'Hivemind Volumes: AWS Backup, on the shared file system alone',
      assumedBy: new ServicePrincipal('backup.amazonaws.com', {
        // AWS Backup must act for this account, not for another one that names our role.
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    this.copyVaultArns = copyVaultsOf(this, config);
    const regions = Object.keys(config.copyVaults);
    const keyArns = [key.keyArn, ...regions.flatMap((region) => config.copyKeys[region] ?? [])];
    grant(role, onFileSystem(files, keyArns));
    if (regions.length > 0)
      grant(role, betweenVaults(this, [vault.attrBackupVaultArn, ...this.copyVaultArns]));
    this.vaultName = vault.ref;
    this.vaultArn = vault.attrBackupVaultArn;
    this.roleArn = role.roleArn;
  }
}

function copyVaultsOf(scope: Construct, { copyVaults }: RecoveryVaultProps['config']): string[] {
  const { partition, account } = Stack.of(scope);
  return Object.entries(copyVaults).map(
    ([region, name]) => `arn:${partition}:backup:${region}:${account}:backup-vault:${name}`,
  );
}

/** Source: the EFS parts of AWS's own policies for AWS Backup, without the making and removing of file systems. */
function onFileSystem(files: SharedFiles, keyArns: readonly string[]): Permission[] {
  return [
    {
      sid: 'BackUpAndRestore',
      actions: [
        'elasticfilesystem:Backup',
        'elasticfilesystem:Restore',
        'elasticfilesystem:DescribeTags',
        'elasticfilesystem:DescribeFileSystems',
      ],
      resources: [files.fileSystemArn],
    },
    {
      sid: 'Key',
      actions: [
        'kms:Decrypt',
        'kms:DescribeKey',
        'kms:Encrypt',
        'kms:GenerateDataKey',
        'kms:ReEncryptFrom',
        'kms:ReEncryptTo',
      ],
      resources: keyArns,
    },
    {
      sid: 'KeyGrant',
      actions: ['kms:CreateGrant'],
      resources: keyArns,
      conditions: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
    },
  ];
}
