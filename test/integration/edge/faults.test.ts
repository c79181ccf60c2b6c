import { spawn, type ChildProcess } from 'node:child_process';
import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DescribeFileSystemsCommand, EFSClient } from '@aws-sdk/client-efs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { adminOf, type Admin } from './admin.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { StorageFake } from './storage-fake.ts';
import { as, call, makeFunction, root } from './world.ts';

const storage = new StorageFake();
let cloud: TestCloud;
let admin: Admin;
let table: DynamoDBClient;

beforeAll(async () => {
  cloud = await startCloud({ storagePort: await storage.listen() });
  admin = adminOf(cloud.adminSocket);
  table = new DynamoDBClient(as(cloud.aws));
  await table.send(
    new CreateTableCommand({
      TableName: 'things',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    }),
  );
});

afterAll(async () => {
  await cloud?.stop();
  await storage.close();
});

beforeEach(async () => {
  await admin.clearFaults();
  await admin.forget();
});

const put = (pk: string): Promise<unknown> =>
  table.send(new PutItemCommand({ TableName: 'things', Item: { pk: { S: pk } } }));
const has = async (pk: string): Promise<boolean> =>
  (await table.send(new GetItemCommand({ TableName: 'things', Key: { pk: { S: pk } } }))).Item !== undefined;
const outcome = (sent: Promise<unknown>): Promise<string> =>
  sent.then(
    () => 'done',
    (error: unknown) => (error as Error).name,
  );

describe('a throttled or failing service answers as it does on AWS:', () => {
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    dynamodb: () => put('x'),
    ec2: () => new EC2Client(as(cloud.aws)).send(new DescribeVolumesCommand({})),
    elasticfilesystem: () => new EFSClient(as(cloud.aws)).send(new DescribeFileSystemsCommand({})),
    s3: () => new S3Client(as(cloud.aws)).send(new ListBucketsCommand({})),
    sts: () => new STSClient(as(cloud.aws)).send(new GetCallerIdentityCommand({})),
    lambda: () => new LambdaClient(as(cloud.aws)).send(new InvokeCommand({ FunctionName: 'none' })),
  };
  it.each([
    ['dynamodb', 'ProvisionedThroughputExceededException', 'InternalServerError'],
    ['ec2', 'RequestLimitExceeded', 'InternalError'],
    ['elasticfilesystem', 'ThrottlingException', 'InternalFailure'],
    ['s3', 'SlowDown', 'InternalError'],
    ['sts', 'ThrottlingException', 'InternalFailure'],
    ['lambda', 'TooManyRequestsException', 'InternalFailure'],
  ])('%s', async (service, throttled, failed) => {
    await admin.setFaults([{ id: 'a', service, kind: 'throttle', times: 1 }]);
    expect(await outcome(calls[service]?.() ?? Promise.resolve())).toBe(throttled);
    await admin.setFaults([{ id: 'b', service, kind: 'internal-error', times: 1 }]);
    expect(await outcome(calls[service]?.() ?? Promise.resolve())).toBe(failed);
    expect(storage.seen).toEqual([]);
  });

  it('the API', async () => {
    await admin.setFaults([{ id: 'a', service: 'execute-api', kind: 'throttle', times: 1 }]);
    const answer = await call(`${cloud.api}/v1/x`, root);
    expect(answer.status).toBe(429);
    expect(await answer.text()).toBe('{"message":"Too Many Requests"}');
  });

  it('a transaction that meets another one', async () => {
    await admin.setFaults([{ id: 'a', service: 'dynamodb', kind: 'transaction-conflict' }]);
    const sent = table.send(
      new TransactWriteItemsCommand({
        TransactItems: [{ Put: { TableName: 'things', Item: { pk: { S: 't' } } } }],
      }),
    );
    await expect(sent).rejects.toMatchObject({
      name: 'TransactionCanceledException',
      CancellationReasons: [{ Code: 'TransactionConflict' }],
    });
    expect(await outcome(put('t'))).toBe('TransactionConflictException');
  });
});

describe('a connection that is reset', () => {
  it('before the call leaves it undone', async () => {
    await admin.setFaults([{ id: 'a', action: 'PutItem', kind: 'reset-before', times: 1 }]);
    await expect(put('before')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await has('before')).toBe(false);
  });

  it('after the commit leaves it done, and the caller without an answer', async () => {
    await admin.setFaults([{ id: 'a', action: 'PutItem', kind: 'reset-after-commit', times: 1 }]);
    await expect(put('after')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await has('after')).toBe(true);
    expect((await admin.calls()).filter(({ action }) => action === 'PutItem')).toMatchObject([
      { status: 200, fault: 'reset-after-commit' },
    ]);
  });
});

describe('a switch', () => {
  const hits = async (count: number): Promise<string> => {
    let seen = '';
    for (let at = 0; at < count; at++) seen += (await outcome(put('x'))) === 'done' ? '.' : 'X';
    return seen;
  };

  it('waits for `after` calls and hits `times` of them', async () => {
    await admin.setFaults([{ id: 'a', action: 'PutItem', kind: 'throttle', after: 2, times: 3 }]);
    expect(await hits(8)).toBe('..XXX...');
    expect(await admin.faults()).toMatchObject([{ id: 'a', matched: 8, injected: 3 }]);
    expect(await admin.clearFaults()).toMatchObject([{ id: 'a', injected: 3 }]);
    expect(await admin.faults()).toEqual([]);
  });

  it('hits the same calls for the same seed', async () => {
    const fault = { id: 'a', action: 'PutItem', kind: 'throttle', probability: 0.5, seed: 7 } as const;
    await admin.setFaults([fault]);
    const first = await hits(24);
    await admin.setFaults([fault]);
    expect(await hits(24)).toBe(first);
    await admin.setFaults([{ ...fault, seed: 8 }]);
    expect(await hits(24)).not.toBe(first);
    expect(first).toMatch(/X.*\.|\..*X/);
  });

  it('is for one service, action and function alone', async () => {
    await admin.setFaults([
      { id: 'a', service: 'dynamodb', action: 'PutItem', functionName: 'other', kind: 'throttle' },
    ]);
    expect(await hits(2)).toBe('..');
    const named = new DynamoDBClient({ ...as(cloud.aws), userAgentAppId: 'other' });
    expect(
      await outcome(named.send(new PutItemCommand({ TableName: 'things', Item: { pk: { S: 'x' } } }))),
    ).toBe('ProvisionedThroughputExceededException');
  });

  it('is refused when it is none', async () => {
    expect(await admin.setFaults([{ id: 'a', kind: 'explode' as 'throttle' }])).toMatchObject({
      message: expect.stringContaining('kind') as string,
    });
  });

  it('delays, when it is latency, and delays nothing else', async () => {
    await admin.setFaults([{ id: 'a', action: 'PutItem', kind: 'latency', ms: 1500, times: 1 }]);
    const late = put('late');
    await until('it is on its way', async () => (await admin.faults())[0]?.injected === 1);
    await put('quick');
    expect(await has('quick')).toBe(true);
    expect(await has('late')).toBe(false);
    await late;
    expect(await has('late')).toBe(true);
  });
});

describe('killing', () => {
  const source = `
    import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
    exports.handler = async ({ pk }) => {
      await new DynamoDBClient({}).send(new PutItemCommand({ TableName: 'things', Item: { pk: { S: pk } } }));
      await new DynamoDBClient({}).send(new PutItemCommand({ TableName: 'things', Item: { pk: { S: pk + '-went-on' } } }));
      return process.pid;
    };`;

  beforeAll(async () => {
    await makeFunction(cloud.aws, 'writer', {
      source,
      statements: [{ Action: 'dynamodb:*', Resource: '*' }],
    });
  });

  const invoke = async (pk: string): Promise<{ error: string | undefined; answer: unknown }> => {
    const { FunctionError, Payload } = await new LambdaClient(as(cloud.aws)).send(
      new InvokeCommand({ FunctionName: 'writer', Payload: JSON.stringify({ pk }) }),
    );
    return { error: FunctionError, answer: JSON.parse(Buffer.from(Payload ?? []).toString('utf8')) };
  };
  const aimed = { action: 'PutItem', functionName: 'writer', times: 1 } as const;

  it.each([
    ['kill-before', false],
    ['kill-after', true],
  ] as const)('%s ends the function’s process, and the call is made: %s', async (kind, made) => {
    const before = (await invoke(`${kind}-first`)).answer as number;
    await admin.setFaults([{ id: 'k', kind, ...aimed }]);
    expect(await invoke(kind)).toMatchObject({
      error: 'Unhandled',
      answer: {
        errorType: 'Runtime.ExitError',
        errorMessage: expect.stringMatching(/signal: killed$/) as string,
      },
    });
    await until('the process is gone', () => !alive(before), { within: 5000 });
    expect(await has(kind)).toBe(made);
    expect(await has(`${kind}-went-on`)).toBe(false);
    const after = await invoke(`${kind}-again`);
    expect(after.error).toBeUndefined();
    expect(after.answer).not.toBe(before);
  });

  it.each(['kill-before', 'kill-after'] as const)(
    '%s finds a caller in another network namespace',
    async (kind) => {
      const net = await isolated(cloud.edge.ports.aws);
      try {
        await admin.setFaults([{ id: 'k', kind, service: 'unsigned', times: 1 }]);
        const ended = new Promise<NodeJS.Signals | null>((resolve) =>
          net.caller.once('exit', (_code, signal) => resolve(signal)),
        );
        net.caller.stdin?.write('go\n');
        expect(await ended).toBe('SIGKILL');
        expect(await admin.faults()).toMatchObject([{ injected: 1 }]);
      } finally {
        await net.close();
      }
    },
  );
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * A process in a network namespace of its own, joined by a veth pair whose packets for the edge's port are sent on to
 * loopback, as a host's are. It makes one call when it is told to.
 */
async function isolated(port: number): Promise<{ caller: ChildProcess; close(): Promise<void> }> {
  const octet = 1 + (process.pid % 250);
  const script = `
    read -r _; exec ${process.execPath} -e 'fetch("http://10.123.${octet}.1:${port}/x").catch(() => {}); setTimeout(() => {}, 60000)'`;
  const caller = spawn('unshare', ['-n', 'sh', '-c', script], { stdio: ['pipe', 'ignore', 'inherit'] });
  const name = `hme${process.pid % 100_000}`;
  const rule = `PREROUTING -i ${name} -d 10.123.${octet}.1 -p tcp --dport ${port} -j DNAT --to 127.0.0.1:${port}`;
  const tidy = async (): Promise<void> => {
    caller.kill('SIGKILL');
    await sh(`ip link del ${name}; iptables -t nat -D ${rule}`);
  };
  try {
    await until(
      'it has a namespace of its own',
      async () =>
        (await sh(`[ "$(readlink /proc/${caller.pid}/ns/net)" != "$(readlink /proc/self/ns/net)" ]`)) === 0,
    );
    const inside = `nsenter -t ${caller.pid} -n`;
    const made = await sh(`set -e
      ip link add ${name} type veth peer name eth0 netns ${caller.pid}
      ip addr add 10.123.${octet}.1/30 dev ${name}; ip link set ${name} up
      ${inside} ip addr add 10.123.${octet}.2/30 dev eth0; ${inside} ip link set eth0 up
      sysctl -q -w net.ipv4.conf.${name}.route_localnet=1
      iptables -t nat -A ${rule}`);
    expect(made).toBe(0);
  } catch (error) {
    await tidy();
    throw error;
  }
  return { caller, close: tidy };
}

function sh(script: string): Promise<number> {
  const child = spawn('sh', ['-c', script], { stdio: 'ignore' });
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}
