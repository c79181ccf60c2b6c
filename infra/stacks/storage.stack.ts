import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from '../config.ts';
import { ArchiveBucket } from '../constructs/archive-bucket.ts';
import { ProductKey } from '../constructs/product-key.ts';
import { RecoveryVault } from '../constructs/recovery-vault.ts';
import { SharedFiles } from '../constructs/shared-files.ts';
import { VolumeTable } from '../constructs/volume-table.ts';

export interface StorageStackProps extends StackProps {
  readonly config: Config;
}

/**
 * Everything that holds data or unlocks it. Retained when the stack is deleted, and apart from the control plane, so
 * that no change there can replace it.
 */
export class StorageStack extends Stack {
  readonly dataKey: ProductKey;
  readonly volumeKey: ProductKey;
  readonly table: VolumeTable;
  readonly archive: ArchiveBucket;
  readonly files: SharedFiles;
  readonly recovery: RecoveryVault;

  constructor(scope: Construct, id: string, { config, ...props }: StorageStackProps) {
    super(scope, id, {
      description:
        'Hivemind Volumes: table, keys, archive bucket, shared file system and its backup vault (retained)',
      terminationProtection: true,
      ...props,
    });
    this.dataKey = new ProductKey(this, 'DataKey', {
      alias: 'alias/hivemind-data',
      protects: 'table, archive and files',
    });
    this.dataKey.allowAlarms();
    this.volumeKey = new ProductKey(this, 'VolumeKey', {
      alias: 'alias/hivemind-volumes',
      protects: 'EBS volumes',
    });
    this.table = new VolumeTable(this, 'Table', { key: this.dataKey });
    this.archive = new ArchiveBucket(this, 'Archive', { key: this.dataKey });
    this.files = new SharedFiles(this, 'Files', { config, key: this.dataKey });
    this.recovery = new RecoveryVault(this, 'Recovery', { files: this.files, key: this.dataKey, config });
    this.addOutputs();
  }

  private addOutputs(): void {
    const outputs = {
      TableName: this.table.tableName,
      VolumeKeyArn: this.volumeKey.keyArn,
      ArchiveBucketName: this.archive.bucketName,
      FileSystemId: this.files.fileSystemId,
      BackupVaultName: this.recovery.vaultName,
      FileClientSecurityGroupId: this.files.clientSecurityGroupId,
      VpcId: this.files.vpcId,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
