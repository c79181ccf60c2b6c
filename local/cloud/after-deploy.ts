import {
  CloudFormationClient,
  ListStackResourcesCommand,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { DescribeTimeToLiveCommand, DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { DescribeFileSystemsCommand, DescribeMountTargetsCommand, EFSClient } from '@aws-sdk/client-efs';
import { join } from 'node:path';
import type { CloudFile } from './cloud-file.ts';
import { clientConfig, deployerCredentials, stacks } from './deploy.ts';
import { CloudError } from './errors.ts';
import { callSocket } from './http.ts';

/*
 * Everything in which a local cloud differs from an account after the same deployment, in this one place:
 * - the table's TTL is switched on, which the emulator's CloudFormation drops;
 * - the EFS file systems that CloudFormation made are made known to the storage service.
 * (That plain http on loopback passes TLS-only statements is a correction of the emulator: local/emulator/corrections.py.)
 */

export async function afterDeploy(cloud: CloudFile): Promise<void> {
  const resources = await resourcesOf(cloud);
  const ids = (type: string): string[] =>
    resources.filter((each) => each.ResourceType === type).flatMap((each) => each.PhysicalResourceId ?? []);
  for (const table of [...ids('AWS::DynamoDB::Table'), ...ids('AWS::DynamoDB::GlobalTable')])
    await switchTtlOn(cloud, table);
  await copyFileSystems(cloud);
}

async function resourcesOf(cloud: CloudFile): Promise<StackResourceSummary[]> {
  const client = new CloudFormationClient(clientConfig(cloud));
  const found: StackResourceSummary[] = [];
  for (const StackName of stacks) {
    let NextToken: string | undefined;
    do {
      const page = await client.send(
        new ListStackResourcesCommand({ StackName, ...(NextToken ? { NextToken } : {}) }),
      );
      found.push(...(page.StackResourceSummaries ?? []));
      NextToken = page.NextToken;
    } while (NextToken);
  }
  return found;
}

async function switchTtlOn(cloud: CloudFile, TableName: string): Promise<void> {
  const client = new DynamoDBClient(clientConfig(cloud));
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
  if (TimeToLiveDescription?.TimeToLiveStatus === 'ENABLED') return;
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName,
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    }),
  );
}

/** What CloudFormation makes stays inside the emulator: the storage service gets it with the same ids. */
async function copyFileSystems(cloud: CloudFile): Promise<void> {
  const inEmulator = new EFSClient({
    region: cloud.region,
    endpoint: `http://127.0.0.1:${cloud.ports.emulator}`,
    credentials: { ...deployerCredentials },
  });
  const { FileSystems = [] } = await inEmulator.send(new DescribeFileSystemsCommand({}));
  for (const fileSystem of FileSystems) {
    const { FileSystemId } = fileSystem;
    const { MountTargets = [] } = await inEmulator.send(new DescribeMountTargetsCommand({ FileSystemId }));
    await admin(cloud, `/filesystems/${FileSystemId}`, { ...fileSystem, MountTargets });
  }
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
