import { statSync } from 'node:fs';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { CreateTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sha256 } from '#local/edge/sigv4/sha256.ts';
import { adminOf, type Admin } from './admin.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { as, makeFunction, makeUser, root, type Keys } from './world.ts';

const source = `
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
const table = new DynamoDBClient({});
exports.handler = async ({ what }) => {
  try {
    if (what === 'read') return { item: (await table.send(new GetItemCommand({ TableName: 'things', Key: { pk: { S: 'a' } } }))).Item };
    if (what === 'write') return await table.send(new PutItemCommand({ TableName: 'things', Item: { pk: { S: 'b' } } }));
    return { arn: (await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn };
  } catch (error) {
    return { error: error.name, message: error.message };
  }
};`;

let cloud: TestCloud;
let admin: Admin;

beforeAll(async () => {
  cloud = await startCloud();
  admin = adminOf(cloud.adminSocket);
  const table = new DynamoDBClient(as(cloud.aws));
  await table.send(
    new CreateTableCommand({
      TableName: 'things',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    }),
  );
  await table.send(new PutItemCommand({ TableName: 'things', Item: { pk: { S: 'a' } } }));
  await makeFunction(cloud.aws, 'reads-only', {
    source,
    statements: [{ Action: 'dynamodb:GetItem', Resource: 'arn:aws:dynamodb:*:*:table/things' }],
  });
});

afterAll(() => cloud?.stop());

async function invoke(what: string): Promise<unknown> {
  const { Payload } = await new LambdaClient(as(cloud.aws)).send(
    new InvokeCommand({ FunctionName: 'reads-only', Payload: JSON.stringify({ what }) }),
  );
  return JSON.parse(Buffer.from(Payload ?? []).toString('utf8'));
}

describe('a function', () => {
  it('runs as its own role and may do what that allows', async () => {
    expect(await invoke('read')).toEqual({ item: { pk: { S: 'a' } } });
    expect(await invoke('who')).toEqual({
      arn: 'arn:aws:sts::000000000000:assumed-role/reads-only-role/reads-only',
    });
  });

  it('is refused what its role does not allow', async () => {
    expect(await invoke('write')).toEqual({
      error: 'AccessDeniedException',
      message: expect.stringContaining(
        'User: arn:aws:sts::000000000000:assumed-role/reads-only-role/reads-only is not authorized to perform: dynamodb:PutItem',
      ) as string,
    });
  });

  it('is named in the record of calls, with what it did', async () => {
    await admin.forget();
    await invoke('read');
    await invoke('write');
    const calls = (await admin.calls()).filter(({ functionName }) => functionName === 'reads-only');
    const common = {
      service: 'dynamodb',
      region: 'us-east-1',
      functionName: 'reads-only',
      principalArn: 'arn:aws:sts::000000000000:assumed-role/reads-only-role/reads-only',
      fault: null,
    };
    expect(calls).toMatchObject([
      { ...common, action: 'GetItem', status: 200 },
      { ...common, action: 'PutItem', status: 403 },
    ]);
    expect(await admin.calls(calls[0]?.seq)).not.toContainEqual(calls[0]);
  });
});

describe('callers', () => {
  it('are IAM users and role sessions, told apart and held to their policies', async () => {
    const user = await makeUser(cloud.aws, 'tabler', [{ Action: 'dynamodb:GetItem', Resource: '*' }]);
    const asUser = new DynamoDBClient(as(cloud.aws, user));
    const key = { TableName: 'things', Key: { pk: { S: 'a' } } };
    expect((await asUser.send(new GetItemCommand(key))).Item).toEqual({ pk: { S: 'a' } });
    await expect(
      asUser.send(new PutItemCommand({ TableName: 'things', Item: { pk: { S: 'c' } } })),
    ).rejects.toThrow('User: arn:aws:iam::000000000000:user/tabler is not authorized');
  });

  it.each(['Bearer x', 'Basic dGVzdDp0ZXN0', 'AWS4-HMAC-SHA256 Credential=test/1'])(
    'who show %j are refused',
    async (authorization) => {
      const headers = { authorization, 'x-amz-target': 'DynamoDB_20120810.ListTables' };
      const answer = await fetch(cloud.aws, { method: 'POST', body: '{}', headers });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ __type: 'IncompleteSignatureException' });
    },
  );

  it('with a wrong secret are refused', async () => {
    const user = await makeUser(cloud.aws, 'wrong', [{ Action: '*', Resource: '*' }]);
    const asUser = new DynamoDBClient(as(cloud.aws, { ...user, secretAccessKey: 'wrong' }));
    const get = new GetItemCommand({ TableName: 'things', Key: { pk: { S: 'a' } } });
    await expect(asUser.send(get)).rejects.toMatchObject({ name: 'InvalidSignatureException' });
  });
});

describe('S3', () => {
  const s3 = (options: object = {}): S3Client =>
    new S3Client({ ...as(cloud.aws), forcePathStyle: true, ...options });
  const text = async (key: string): Promise<string | undefined> =>
    (await s3().send(new GetObjectCommand({ Bucket: 'files', Key: key }))).Body?.transformToString();

  beforeAll(async () => {
    await s3().send(new CreateBucketCommand({ Bucket: 'files' }));
  });

  it('takes objects of odd names, path style', async () => {
    await s3().send(new PutObjectCommand({ Bucket: 'files', Key: 'a b/ü+~(1).txt', Body: 'odd' }));
    expect(await text('a b/ü+~(1).txt')).toBe('odd');
  });

  it('takes them under the bucket’s own host name', async () => {
    // The address is loopback's, the Host header the bucket's: what a resolver for *.localhost does.
    const signer = new SignatureV4({
      service: 's3',
      region: 'us-east-1',
      credentials: { ...root },
      sha256: Sha256,
      uriEscapePath: false,
    });
    const host = `files.s3.us-east-1.amazonaws.com`;
    const { headers } = await signer.sign({
      method: 'PUT',
      protocol: 'http:',
      hostname: host,
      path: '/by-host.txt',
      headers: { host },
      body: 'by host',
    });
    const status = await new Promise<number>((resolve, reject) => {
      const call = request(`${cloud.aws}/by-host.txt`, { method: 'PUT', headers }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      });
      call.on('error', reject).end('by host');
    });
    expect(status).toBe(200);
    expect(await text('by-host.txt')).toBe('by host');
  });

  it('takes chunked uploads of streams, checked by a trailing checksum', async () => {
    const user = await makeUser(cloud.aws, 'streamer', [{ Action: 's3:*', Resource: '*' }]);
    const size = 20 << 20;
    const chunk = Buffer.alloc(1 << 20, 'x');
    const Body = Readable.from(Array.from({ length: 20 }, () => chunk));
    await s3({ credentials: user }).send(
      new PutObjectCommand({ Bucket: 'files', Key: 'big', Body, ContentLength: size }),
    );
    const { ContentLength, Body: back } = await s3().send(
      new GetObjectCommand({ Bucket: 'files', Key: 'big' }),
    );
    expect(ContentLength).toBe(size);
    expect((await back?.transformToByteArray())?.length).toBe(size);
  });

  it('gives presigned URLs that work through the edge', async () => {
    const user = await makeUser(cloud.aws, 'presigner', [{ Action: 's3:GetObject', Resource: '*' }]);
    await s3().send(new PutObjectCommand({ Bucket: 'files', Key: 'shared.txt', Body: 'shared' }));
    expect(await (await fetch(await presigned(user, 60))).text()).toBe('shared');
    expect((await fetch(await presigned({ ...user, secretAccessKey: 'wrong' }, 60))).status).toBe(403);
  });

  async function presigned(credentials: Keys, expiresIn: number): Promise<URL> {
    const url = new URL(`${cloud.aws}/files/shared.txt`);
    const signer = new SignatureV4({
      service: 's3',
      region: 'us-east-1',
      credentials: { ...credentials },
      sha256: Sha256,
      uriEscapePath: false,
    });
    const { query } = await signer.presign(
      {
        method: 'GET',
        protocol: 'http:',
        hostname: url.hostname,
        path: url.pathname,
        headers: { host: url.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
      },
      { expiresIn },
    );
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, String(value));
    return url;
  }
});

describe('SQS', () => {
  it('names its queues at the edge, and takes calls there', async () => {
    const user = await makeUser(cloud.aws, 'queuer', [{ Action: 'sqs:*', Resource: '*' }]);
    const sqs = new SQSClient(as(cloud.aws, user));
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'wake' }));
    expect(new URL(QueueUrl).origin).toBe(cloud.aws);
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'up' }));
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    expect(Messages?.[0]?.Body).toBe('up');
  });
});

describe('the emulator’s own switches', () => {
  it('cannot be reached from outside', async () => {
    expect((await fetch(`${cloud.aws}/_ministack/reset`, { method: 'POST' })).status).toBe(403);
    expect((await fetch(`${cloud.aws}/_ministack/config`, { method: 'POST', body: '{}' })).status).toBe(403);
    expect((await fetch(`${cloud.aws}/_localstack/init`)).status).toBe(403);
    expect((await fetch(`${cloud.aws}/_ministack/health`)).status).toBe(200);
  });

  it('gives secrets to its owner alone', () => {
    expect(statSync(cloud.settings.identitySocket).mode & 0o777).toBe(0o600);
    expect(statSync(cloud.adminSocket).mode & 0o777).toBe(0o600);
  });
});
