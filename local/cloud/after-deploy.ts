import { BackupClient, CreateBackupVaultCommand, paginateListBackupVaults } from '@aws-sdk/client-backup';
import {
  CloudFormationClient,
  DescribeStackResourceCommand,
  GetTemplateCommand,
} from '@aws-sdk/client-cloudformation';
import { DescribeTimeToLiveCommand, DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { DescribeFileSystemsCommand, DescribeMountTargetsCommand, EFSClient } from '@aws-sdk/client-efs';
import { join } from 'node:path';
import type { CloudFile } from './cloud-file.ts';
import { clientConfig, copyRegion, copyVault, stacks } from './deploy.ts';
import { CloudError } from './errors.ts';
import { callSocket } from './http.ts';

/*
 * Everything in which a local cloud differs from an account after the same deployment, in this one place:
 * - the tables' TTL is switched on, which the emulator's CloudFormation drops;
 * - the EFS file systems that CloudFormation made are made known to the storage service, and so are the vaults of AWS Backup;
 * - the vault in another Region that copies of recovery points go to is made, as the administration guide has it made by hand.
 * (That plain http on loopback passes TLS-only statements is a correction of the emulator: local/emulator/corrections.py.)
 */

export async function afterDeploy(cloud: CloudFile): Promise<void> {
  await switchTtlOn(cloud);
  await copyFileSystems(cloud);
  await copyVaults(cloud);
  await makeCopyVault(cloud);
}

interface TableResource {
  readonly Properties?: { readonly TimeToLiveSpecification?: { readonly AttributeName: string } };
}

/** As the templates say, which CloudFormation itself would have done. */
async function switchTtlOn(cloud: CloudFile): Promise<void> {
  const formation = new CloudFormationClient(clientConfig(cloud));
  for (const StackName of stacks) {
    const { TemplateBody = '{}' } = await formation.send(new GetTemplateCommand({ StackName }));
    const { Resources = {} } = JSON.parse(TemplateBody) as { Resources?: Record<string, TableResource> };
    for (const [LogicalResourceId, { Properties }] of Object.entries(Resources)) {
      const attribute = Properties?.TimeToLiveSpecification?.AttributeName;
      if (attribute === undefined) continue;
      const found = await formation.send(new DescribeStackResourceCommand({ StackName, LogicalResourceId }));
      await switchTtlOnOf(cloud, found.StackResourceDetail?.PhysicalResourceId ?? '', attribute);
    }
  }
}

async function switchTtlOnOf(cloud: CloudFile, TableName: string, AttributeName: string): Promise<void> {
  const dynamo = new DynamoDBClient(clientConfig(cloud));
  const { TimeToLiveDescription } = await dynamo.send(new DescribeTimeToLiveCommand({ TableName }));
  if (TimeToLiveDescription?.TimeToLiveStatus === 'ENABLED') return;
  const TimeToLiveSpecification = { AttributeName, Enabled: true };
  await dynamo.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
}

/** What CloudFormation makes stays inside the emulator: the storage service gets it with the same ids. */
async function copyFileSystems(cloud: CloudFile): Promise<void> {
  const inEmulator = new EFSClient(emulatorConfig(cloud));
  const { FileSystems = [] } = await inEmulator.send(new DescribeFileSystemsCommand({}));
  for (const fileSystem of FileSystems) {
    const { FileSystemId } = fileSystem;
    const { MountTargets = [] } = await inEmulator.send(new DescribeMountTargetsCommand({ FileSystemId }));
    await admin(cloud, `/filesystems/${FileSystemId}`, { ...fileSystem, MountTargets });
  }
}

/** A vault that the storage service has already stays as it is: the request's id is the vault's name. */
async function copyVaults(cloud: CloudFile): Promise<void> {
  const backup = new BackupClient(clientConfig(cloud));
  const client = new BackupClient(emulatorConfig(cloud));
  for await (const { BackupVaultList = [] } of paginateListBackupVaults({ client }, {})) {
    for (const { BackupVaultName, EncryptionKeyArn } of BackupVaultList) {
      const CreatorRequestId = BackupVaultName;
      await backup.send(
        new CreateBackupVaultCommand({ BackupVaultName, EncryptionKeyArn, CreatorRequestId }),
      );
    }
  }
}

async function makeCopyVault(cloud: CloudFile): Promise<void> {
  const backup = new BackupClient({ ...clientConfig(cloud), region: copyRegion(cloud) });
  await backup.send(
    new CreateBackupVaultCommand({ BackupVaultName: copyVault, CreatorRequestId: copyVault }),
  );
}

/** The emulator itself, behind the edge. */
function emulatorConfig(cloud: CloudFile): ReturnType<typeof clientConfig> {
  return { ...clientConfig(cloud), endpoint: `http://127.0.0.1:${cloud.ports.emulator}` };
}

async function admin(cloud: CloudFile, path: string, body: unknown): Promise<void> {
  const answer = await callSocket(join(cloud.home, cloud.sockets.storageAdmin), {
    method: 'PUT',
    path,
    body,
  });
  if (answer.status >= 300)
    throw new CloudError('DeployFailed', `The storage service refused ${path}: ${answer.body}`);
}
