import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { Stack } from 'aws-cdk-lib';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Permission } from '#infra/permissions/permission.ts';
import { makeHostQueues, removeHostQueues, sendToHosts } from '#infra/permissions/queues.ts';
import { startDynamoTable, type DynamoTable } from '#test/support/dynamo-table.ts';
import { SqsHostQueues } from '#shared/aws/host-queues.ts';
import { QueueWaker } from '#shared/aws/queue.ts';
import { Table } from '#shared/aws/table/table.ts';

const hostA = 'i-0000000000000000a';
const hostB = 'i-0000000000000000b';

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A user who may do this with hosts' queues and nothing else. */
async function userWith(iam: IAMClient, name: string, permissions: readonly Permission[]): Promise<Keys> {
  const Statement = permissions.map(({ actions }) => ({
    Effect: 'Allow',
    Action: actions,
    Resource: 'arn:aws:sqs:us-east-1:000000000000:hivemind-host-i-*',
  }));
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new CreateUserCommand({ UserName: name }));
  await iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName: 'queues', PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
  return {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  };
}

describe("hosts' queues, with IAM enforced", () => {
  let cloud: DynamoTable | undefined;
  let endpoint = '';
  let roleArn = '';
  let roleId = '';
  /** Users with the rights on queues that these functions' roles have. */
  let hostsApi: Keys;
  let sweeper: Keys;
  const root = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = (credentials: Keys) =>
    new SQSClient({
      endpoint,
      region: 'us-east-1',
      credentials,
      useQueueUrlAsEndpoint: false,
      maxAttempts: 1,
    });

  beforeAll(async () => {
    cloud = await startDynamoTable();
    ({ endpoint } = cloud);
    const iam = new IAMClient({ endpoint, region: 'us-east-1', credentials: root });
    const trust = { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' };
    const { Role } = await iam.send(
      new CreateRoleCommand({
        RoleName: 'host',
        AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
      }),
    );
    roleArn = Role?.Arn ?? '';
    roleId = Role?.RoleId ?? '';
    const scope = new Stack();
    hostsApi = await userWith(iam, 'hosts-api', [makeHostQueues(scope), sendToHosts(scope)]);
    sweeper = await userWith(iam, 'sweeper', [removeHostQueues(scope)]);
  });
  afterAll(() => cloud?.stop());

  const callerOf = (hostId: string) => ({
    userId: `${roleId}:${hostId}`,
    arn: `arn:aws:sts::000000000000:assumed-role/host/${hostId}`,
    account: '000000000000',
  });

  async function sessionOf(hostId: string): Promise<SQSClient> {
    const sts = new STSClient({ endpoint, region: 'us-east-1', credentials: root });
    const { Credentials } = await sts.send(
      new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: hostId }),
    );
    return client({
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    });
  }

  it('are received from and deleted from by their own host alone, whose role has no rights of its own', async () => {
    const queues = new SqsHostQueues('hivemind-host-', client(hostsApi));
    const url = await queues.ensure({ hostId: hostA, caller: callerOf(hostA), namespace: 'default' });
    await client(hostsApi).send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'sync' }));
    const ask = new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 1 });
    const other = await sessionOf(hostB);
    await expect(other.send(ask)).rejects.toMatchObject({
      name: expect.stringMatching(/AccessDenied/) as string,
    });
    const own = await sessionOf(hostA);
    const { Messages = [] } = await own.send(ask);
    expect(Messages).toHaveLength(1);
    await own.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: Messages[0]?.ReceiptHandle }));
    const send = new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' });
    await expect(own.send(send)).rejects.toMatchObject({
      name: expect.stringMatching(/AccessDenied/) as string,
    });
  });

  it('are the same when a host registers again, and brought up to date when their policy has changed', async () => {
    const queues = new SqsHostQueues('hivemind-host-', client(hostsApi));
    const before = {
      hostId: hostB,
      caller: { ...callerOf(hostB), userId: `AROAOLDROLE:${hostB}` },
      namespace: 'default',
    };
    const url = await queues.ensure(before);
    expect(await queues.ensure(before)).toBe(url);
    expect(await queues.ensure({ ...before, caller: callerOf(hostB) })).toBe(url);
    const own = await sessionOf(hostB);
    const { Messages = [] } = await own.send(
      new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 0 }),
    );
    expect(Messages).toEqual([]);
  });

  it('are removed for good, and removed again without harm', async () => {
    const queues = new SqsHostQueues('hivemind-host-', client(hostsApi));
    const owner = { hostId: hostA, caller: callerOf(hostA), namespace: 'default' };
    const url = await queues.ensure(owner);
    const sweeping = new SqsHostQueues('hivemind-host-', client(sweeper));
    await sweeping.remove(url);
    const send = new SendMessageCommand({ QueueUrl: url, MessageBody: 'sync' });
    await expect(client(hostsApi).send(send)).rejects.toMatchObject({
      name: expect.stringMatching(/NonExistentQueue|QueueDoesNotExist/) as string,
    });
    await sweeping.remove(url);
  });

  it('are no other queues: the function may make none of another name', async () => {
    const queues = new SqsHostQueues('orders-', client(hostsApi));
    const owner = { hostId: hostA, caller: callerOf(hostA), namespace: 'default' };
    await expect(queues.ensure(owner)).rejects.toMatchObject({
      name: expect.stringMatching(/AccessDenied/) as string,
    });
  });

  it('a wake-up of a host that is not there costs a line in the log and nothing else', async () => {
    const lines: string[] = [];
    const say = (message: string): void => void lines.push(message);
    const log = { info: say, warn: say, error: say };
    if (cloud === undefined) throw new RangeError('no cloud');
    const gone = new Table(cloud.store);
    await new QueueWaker(gone, log, client(hostsApi)).wake(hostA);
    expect(lines).toEqual([]);
  });
});
