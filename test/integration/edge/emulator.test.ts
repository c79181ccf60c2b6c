import { readFileSync } from 'node:fs';
import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  DeleteMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { as, call, makeFunction, makeRole, makeUser, root, type Keys } from './world.ts';

let cloud: TestCloud;

beforeAll(async () => {
  cloud = await startCloud();
  cloud.apiId = 'none';
  await new DynamoDBClient(as(cloud.aws)).send(
    new CreateTableCommand({
      TableName: 'things',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    }),
  );
});

afterAll(() => cloud?.stop());

describe('the emulator', () => {
  it('keeps the last thousand events of a log stream', async () => {
    await makeFunction(cloud.aws, 'chatty', {
      source:
        "exports.handler = async () => { for (let at = 0; at < 1500; at++) console.log('line-' + at + '-end'); };",
      statements: [],
    });
    expect(await invoke('chatty')).toBeUndefined();
    await until('old lines are gone from disk, new ones are there', () => {
      const logs = stateOf('cloudwatch_logs');
      return logs.includes('line-1499-end') && !logs.includes('line-100-end');
    });
    expect(stateOf('cloudwatch_logs')).toContain('line-1400-end');
  });

  it('remembers every execution, and the steps of the newest', async () => {
    const sfn = new SFNClient(as(cloud.aws));
    const { arn: roleArn } = await makeRole(cloud.aws, 'machine', {
      statements: [],
      trusts: { Service: 'states.amazonaws.com' },
    });
    const definition = JSON.stringify({ StartAt: 'Done', States: { Done: { Type: 'Succeed' } } });
    const { stateMachineArn = '' } = await sfn.send(
      new CreateStateMachineCommand({ name: 'brief', roleArn, definition }),
    );
    const arns: string[] = [];
    for (let at = 0; at < 210; at++) {
      const started = await sfn.send(new StartExecutionCommand({ stateMachineArn, name: `run-${at}` }));
      arns.push(started.executionArn ?? '');
    }
    const running = new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING' });
    await until('all ended', async () => (await sfn.send(running)).executions?.length === 0);
    // The old is forgotten when something is written.
    await new DynamoDBClient(as(cloud.aws)).send(
      new PutItemCommand({ TableName: 'things', Item: { pk: { S: 'x' } } }),
    );
    const steps = async (executionArn = ''): Promise<number> =>
      (await sfn.send(new GetExecutionHistoryCommand({ executionArn }))).events?.length ?? 0;
    await until('the first one’s steps are forgotten', async () => (await steps(arns[0])) === 0);
    expect(await steps(arns.at(-1))).toBeGreaterThan(0);
    const again = sfn.send(
      new StartExecutionCommand({ stateMachineArn, name: 'run-0', input: '{"other":1}' }),
    );
    await expect(again).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
  });

  it('takes events of AWS’s own from the keys that stand for AWS, and from nobody else', async () => {
    const sqs = new SQSClient(as(cloud.aws));
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'told' }));
    const rule = { Name: 'told', EventPattern: JSON.stringify({ source: ['aws.ec2'] }) };
    await events(root, 'PutRule', rule);
    const Arn = 'arn:aws:sqs:us-east-1:000000000000:told';
    await events(root, 'PutTargets', { Rule: 'told', Targets: [{ Id: 'queue', Arn }] });
    const event = { Source: 'aws.ec2', DetailType: 'It stopped', Detail: '{"x":1}', Time: 1_700_000_000 };
    const user = await makeUser(cloud.aws, 'teller', [{ Action: 'events:PutEvents', Resource: '*' }]);
    expect(await events(user, 'PutEvents', { Entries: [event] })).toMatchObject({
      FailedEntryCount: 1,
      Entries: [{ ErrorCode: 'NotAuthorizedForSourceException' }],
    });
    expect(await events(root, 'PutEvents', { Entries: [event] })).toMatchObject({ FailedEntryCount: 0 });
    const told = await until('the event is there', async () => {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
      return Messages.map(({ Body = '' }) => JSON.parse(Body) as { time: string; detail: object })[0];
    });
    expect(told).toMatchObject({ time: '2023-11-14T22:13:20Z', detail: { x: 1 } });
  });

  it('lets delete a batch of messages who may delete one', async () => {
    const sqs = new SQSClient(as(cloud.aws));
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'batches' }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'sync' }));
    const keys = await makeUser(cloud.aws, 'deleter', [
      { Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage'], Resource: '*' },
    ]);
    const deleter = new SQSClient(as(cloud.aws, keys));
    const { Messages = [] } = await deleter.send(new ReceiveMessageCommand({ QueueUrl }));
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
    const { Successful } = await deleter.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    expect(Successful).toHaveLength(1);
  });

  it('gives a range of a version of an object', async () => {
    const s3 = new S3Client({ ...as(cloud.aws), forcePathStyle: true });
    const Bucket = 'ranges';
    const Key = 'some/digits';
    await s3.send(new CreateBucketCommand({ Bucket }));
    const VersioningConfiguration = { Status: 'Enabled' as const };
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    const { VersionId } = await s3.send(new PutObjectCommand({ Bucket, Key, Body: '0123456789' }));
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'newer' }));
    const get = (Range: string) => s3.send(new GetObjectCommand({ Bucket, Key, VersionId, Range }));
    const middle = await get('bytes=3-5');
    expect(middle).toMatchObject({
      ContentRange: 'bytes 3-5/10',
      ContentLength: 3,
      VersionId,
      $metadata: { httpStatusCode: 206 },
    });
    expect(await middle.Body?.transformToString()).toBe('345');
    expect(await (await get('bytes=-2')).Body?.transformToString()).toBe('89');
    await expect(get('bytes=10-')).rejects.toMatchObject({
      name: 'InvalidRange',
      $metadata: { httpStatusCode: 416 },
    });
  });

  it('keeps what was written a moment before kill -9, and the sessions of roles', async () => {
    const { arn } = await makeRole(cloud.aws, 'survivor', {
      statements: [{ Action: 'dynamodb:GetItem', Resource: '*' }],
      trusts: { AWS: '*' },
    });
    const { Credentials } = await new STSClient(as(cloud.aws)).send(
      new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: 'before' }),
    );
    const session: Keys = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
    const table = new DynamoDBClient(as(cloud.aws));
    await table.send(new PutItemCommand({ TableName: 'things', Item: { pk: { S: 'kept' } } }));
    await saved('dynamodb', 'kept');
    await saved('sts', session.accessKeyId);
    await cloud.emulator.kill();
    await expect(table.send(new ListTablesCommand({}))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 503 },
    });
    expect((await call(`${cloud.api}/v1/x`, session)).status).toBe(503);
    await cloud.startEmulator();
    const found = await table.send(new GetItemCommand({ TableName: 'things', Key: { pk: { S: 'kept' } } }));
    expect(found.Item).toEqual({ pk: { S: 'kept' } });
    const who = await new STSClient(as(cloud.aws, session)).send(new GetCallerIdentityCommand({}));
    expect(who.Arn).toBe('arn:aws:sts::000000000000:assumed-role/survivor/before');
    expect(await invoke('chatty')).toBeUndefined();
  });

  it('loses by kill -9 the last moments at most, and nothing before them', async () => {
    const table = new DynamoDBClient(as(cloud.aws));
    const key = (at: number) => ({ pk: { S: `row-${at}` } });
    let written = 0;
    const writing = (async () => {
      for (;;) {
        await table.send(new PutItemCommand({ TableName: 'things', Item: key(written) }));
        written++;
      }
    })().catch(() => undefined);
    await until('two hundred rows are on disk', () => stateOf('dynamodb').includes('row-199'), {
      within: 20_000,
    });
    await cloud.emulator.kill();
    await writing;
    await cloud.startEmulator();
    const there: boolean[] = [];
    for (let at = 0; at < written; at++) {
      there.push(
        (await table.send(new GetItemCommand({ TableName: 'things', Key: key(at) }))).Item !== undefined,
      );
    }
    const kept = there.indexOf(false) < 0 ? written : there.indexOf(false);
    expect(kept).toBeGreaterThanOrEqual(200);
    expect(there.slice(kept)).not.toContain(true);
  });

  it('keeps everything over a stop and a start', async () => {
    const table = new DynamoDBClient(as(cloud.aws));
    await table.send(new PutItemCommand({ TableName: 'things', Item: { pk: { S: 'last' } } }));
    await cloud.emulator.stop();
    await cloud.startEmulator();
    const found = await table.send(new GetItemCommand({ TableName: 'things', Key: { pk: { S: 'last' } } }));
    expect(found.Item).toEqual({ pk: { S: 'last' } });
  });
});

const stateOf = (service: string): string =>
  readFileSync(`${cloud.home}/emulator/state/${service}.json`, 'utf8');

/** Waits for the state of a service to have been written with this in it. */
async function saved(service: string, text: string): Promise<void> {
  await until('the state is written', () => stateOf(service).includes(text), { within: 10_000 });
}

/** A call of EventBridge, as any client makes it. */
async function events(keys: Keys, action: string, input: object): Promise<unknown> {
  const answer = await call(cloud.aws, keys, {
    method: 'POST',
    body: JSON.stringify(input),
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `AWSEvents.${action}` },
    signing: { service: 'events' },
  });
  expect(answer.status).toBe(200);
  return answer.json();
}

/** The error of an invocation, if it failed. */
async function invoke(FunctionName: string): Promise<string | undefined> {
  return (await new LambdaClient(as(cloud.aws)).send(new InvokeCommand({ FunctionName }))).FunctionError;
}
