import {
  CloudFormationClient,
  ListStackResourcesCommand,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { DescribeTimeToLiveCommand, DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { DescribeFileSystemsCommand, DescribeMountTargetsCommand, EFSClient } from '@aws-sdk/client-efs';
import {
  DeleteBucketPolicyCommand,
  GetBucketPolicyCommand,
  PutBucketPolicyCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetTopicAttributesCommand, SetTopicAttributesCommand, SNSClient } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { join } from 'node:path';
import type { CloudFile } from './cloud-file.ts';
import { clientConfig, deployerCredentials, stacks } from './deploy.ts';
import { CloudError } from './errors.ts';
import { callSocket } from './http.ts';

/*
 * Everything in which a local cloud differs from an account after the same deployment, in this one place:
 * - TLS-only statements are lifted, since the local endpoint is plain http on loopback;
 * - the table's TTL is switched on, which the emulator's CloudFormation drops;
 * - the EFS file systems that CloudFormation made are made known to the storage service.
 */

/** The CDK's own asset bucket refuses http, so that not even the deployment could use it. */
export async function liftAssetBucket(cloud: CloudFile): Promise<void> {
  const bucket = `cdk-hnb659fds-assets-${cloud.account}-${cloud.region}`;
  await liftBucket(s3(cloud), bucket);
}

export async function afterDeploy(cloud: CloudFile): Promise<void> {
  const resources = await resourcesOf(cloud);
  const ids = (type: string): string[] =>
    resources.filter((each) => each.ResourceType === type).flatMap((each) => each.PhysicalResourceId ?? []);
  for (const bucket of ids('AWS::S3::Bucket')) await liftBucket(s3(cloud), bucket);
  for (const queue of ids('AWS::SQS::Queue')) await liftQueue(new SQSClient(clientConfig(cloud)), queue);
  for (const topic of ids('AWS::SNS::Topic')) await liftTopic(new SNSClient(clientConfig(cloud)), topic);
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

interface PolicyDocument {
  readonly Statement: readonly {
    readonly Effect?: string;
    readonly Condition?: Readonly<Record<string, unknown>>;
  }[];
}

/** The policy without its TLS-only statements; undefined when nothing is left, null when there was none to lift. */
export function withoutTlsOnly(policy: string | undefined): string | undefined | null {
  if (!policy) return null;
  const document = JSON.parse(policy) as PolicyDocument;
  const kept = document.Statement.filter(
    ({ Effect, Condition }) =>
      !(Effect === 'Deny' && JSON.stringify(Condition ?? {}).includes('aws:SecureTransport')),
  );
  if (kept.length === document.Statement.length) return null;
  return kept.length === 0 ? undefined : JSON.stringify({ ...document, Statement: kept });
}

const s3 = (cloud: CloudFile): S3Client => new S3Client({ ...clientConfig(cloud), forcePathStyle: true });

async function liftBucket(client: S3Client, Bucket: string): Promise<void> {
  const current = await client.send(new GetBucketPolicyCommand({ Bucket })).catch(() => undefined);
  const lifted = withoutTlsOnly(current?.Policy);
  if (lifted === undefined) await client.send(new DeleteBucketPolicyCommand({ Bucket }));
  else if (lifted !== null) await client.send(new PutBucketPolicyCommand({ Bucket, Policy: lifted }));
}

async function liftQueue(client: SQSClient, QueueUrl: string): Promise<void> {
  const current = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Policy'] }));
  const lifted = withoutTlsOnly(current.Attributes?.['Policy']);
  if (lifted !== null)
    await client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy: lifted ?? '' } }));
}

async function liftTopic(client: SNSClient, TopicArn: string): Promise<void> {
  const current = await client.send(new GetTopicAttributesCommand({ TopicArn }));
  const lifted = withoutTlsOnly(current.Attributes?.['Policy']);
  if (lifted !== null)
    await client.send(
      new SetTopicAttributesCommand({ TopicArn, AttributeName: 'Policy', AttributeValue: lifted ?? '' }),
    );
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
