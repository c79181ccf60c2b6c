import { BackupClient, ListBackupVaultsCommand } from '@aws-sdk/client-backup';
import { DeleteVolumeCommand, DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DescribeFileSystemsCommand, EFSClient } from '@aws-sdk/client-efs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startCloud, type TestCloud } from './cloud.ts';
import { StorageFake } from './storage-fake.ts';
import { as, makeFunction, makeUser, signedHeaders, type Keys, type Statement } from './world.ts';

const storage = new StorageFake();
let cloud: TestCloud;

beforeAll(async () => {
  cloud = await startCloud({ storagePort: await storage.listen() });
  await storage.listenAdmin(cloud.settings.storageAdminSocket);
  storage.resources.set('vol-0ours', { tags: { product: 'hivemind' }, instanceId: 'i-0ours' });
  storage.resources.set('vol-0theirs', { tags: {} });
  storage.resources.set('i-0ours', { tags: { product: 'hivemind' } });
  storage.resources.set('fsap-0ours', { tags: { product: 'hivemind' } });
});

afterAll(async () => {
  await cloud?.stop();
  await storage.close();
});

beforeEach(() => storage.seen.splice(0));

let users = 0;
async function userWith(...statements: readonly Statement[]): Promise<Keys> {
  return makeUser(cloud.aws, `user-${++users}`, statements);
}
const ec2 = (keys?: Keys): EC2Client => new EC2Client(as(cloud.aws, keys));
const efs = (keys?: Keys): EFSClient => new EFSClient(as(cloud.aws, keys));
const backup = (keys?: Keys): BackupClient => new BackupClient(as(cloud.aws, keys));

const ours = { StringEquals: { 'aws:ResourceTag/product': 'hivemind' } };
const arn = (what: string): string => `arn:aws:ec2:us-east-1:000000000000:${what}`;

describe('a call that is allowed', () => {
  it('reaches the storage service with the caller’s name and the edge’s token, and with no word of its own on either', async () => {
    const user = await userWith({ Action: 'ec2:DescribeVolumes', Resource: '*' });
    const client = ec2(user);
    client.middlewareStack.add(
      (next) => (args) => {
        Object.assign((args.request as { headers: Record<string, string> }).headers, {
          'x-hivemind-principal': 'arn:aws:iam::000000000000:root',
        });
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    await client.send(new DescribeVolumesCommand({ VolumeIds: ['vol-0ours'] }));
    expect(storage.seen).toHaveLength(1);
    expect(storage.seen[0]?.headers['x-hivemind-principal']).toMatch(
      /^arn:aws:iam::000000000000:user\/user-/,
    );
    expect(storage.seen[0]?.body).toContain('Action=DescribeVolumes');
  });

  it('is told apart from the emulator’s own services by its signature', async () => {
    await efs().send(new DescribeFileSystemsCommand({}));
    await backup().send(new ListBackupVaultsCommand({}));
    expect(storage.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /2015-02-01/file-systems',
      'GET /backup-vaults',
    ]);
  });

  it('may come from a function, under its role', async () => {
    const source = `
      import { EC2Client, DeleteVolumeCommand } from '@aws-sdk/client-ec2';
      exports.handler = ({ VolumeId }) => new EC2Client({}).send(new DeleteVolumeCommand({ VolumeId })).then(() => 'done', (error) => error.name + ': ' + error.message);`;
    await makeFunction(cloud.aws, 'deleter', {
      source,
      statements: [{ Action: 'ec2:DeleteVolume', Resource: '*', Condition: ours }],
    });
    const invoke = async (VolumeId: string): Promise<unknown> => {
      const { Payload } = await new LambdaClient(as(cloud.aws)).send(
        new InvokeCommand({ FunctionName: 'deleter', Payload: JSON.stringify({ VolumeId }) }),
      );
      return JSON.parse(Buffer.from(Payload ?? []).toString('utf8'));
    };
    expect(await invoke('vol-0ours')).toBe('done');
    expect(storage.seen).toHaveLength(1);
    expect(await invoke('vol-0theirs')).toMatch(
      /^UnauthorizedOperation: You are not authorized .* User: arn:aws:sts::000000000000:assumed-role\/deleter-role\/deleter is not authorized to perform: ec2:DeleteVolume/,
    );
    expect(storage.seen).toHaveLength(1);
  });
});

describe('EC2 refuses', () => {
  const refusal = async (
    sent: Promise<unknown>,
  ): Promise<{ name: string; message: string; status: number }> => {
    const error = (await sent.then(
      () => undefined,
      (caught: unknown) => caught,
    )) as { name: string; message: string; $metadata: { httpStatusCode: number } } | undefined;
    return {
      name: error?.name ?? '',
      message: error?.message ?? '',
      status: error?.$metadata.httpStatusCode ?? 0,
    };
  };

  it('what no policy allows, naming caller, action and resource', async () => {
    const user = await userWith({ Action: 'ec2:DescribeVolumes', Resource: '*' });
    const { name, message, status } = await refusal(
      ec2(user).send(new DeleteVolumeCommand({ VolumeId: 'vol-0ours' })),
    );
    expect({ name, status }).toEqual({ name: 'UnauthorizedOperation', status: 403 });
    const [sentence, encoded = ''] = message.split(' Encoded authorization failure message: ');
    expect(sentence).toMatch(
      /^You are not authorized to perform this operation\. User: arn:aws:iam::000000000000:user\/user-\d+ is not authorized to perform: ec2:DeleteVolume on resource: arn:aws:ec2:us-east-1:000000000000:volume\/vol-0ours because no identity-based policy allows the ec2:DeleteVolume action\.$/,
    );
    expect(JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'))).toMatchObject({
      allowed: false,
      explicitDeny: false,
      context: { action: 'ec2:DeleteVolume', resource: arn('volume/vol-0ours') },
    });
    expect(storage.seen).toEqual([]);
  });

  it('what a policy denies, in other words', async () => {
    const user = await userWith(
      { Action: 'ec2:*', Resource: '*' },
      { Effect: 'Deny', Action: 'ec2:DeleteVolume', Resource: '*' },
    );
    const { message } = await refusal(ec2(user).send(new DeleteVolumeCommand({ VolumeId: 'vol-0ours' })));
    expect(message).toContain('with an explicit deny in an identity-based policy');
  });

  it('a dry run of what is not allowed', async () => {
    const user = await userWith();
    expect(
      await refusal(ec2(user).send(new DeleteVolumeCommand({ VolumeId: 'vol-0ours', DryRun: true }))),
    ).toMatchObject({
      name: 'UnauthorizedOperation',
    });
  });

  const wrong: Readonly<Record<string, (user: Keys) => Keys>> = {
    'a wrong secret': (user) => ({ ...user, secretAccessKey: 'wrong' }),
    'an unknown key': () => ({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' }),
    'a token that belongs to no session': (user) => ({ ...user, sessionToken: 'made up' }),
  };
  it.each(Object.keys(wrong))('%s', async (what) => {
    const user = await userWith({ Action: 'ec2:*', Resource: '*' });
    const keys = wrong[what]?.(user) ?? user;
    expect(await refusal(ec2(keys).send(new DescribeVolumesCommand({})))).toEqual({
      name: 'AuthFailure',
      message: 'AWS was not able to validate the provided access credentials',
      status: 401,
    });
    expect(storage.seen).toEqual([]);
  });

  it('a signature that is too old', async () => {
    const body = 'Action=DescribeVolumes&Version=2016-11-15';
    const user = await userWith({ Action: 'ec2:*', Resource: '*' });
    const request = {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      signing: { service: 'ec2', date: new Date(Date.now() - 6 * 60_000) },
    };
    const answer = await fetch(cloud.aws, {
      method: 'POST',
      body,
      headers: await signedHeaders(cloud.aws, user, request),
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('<Code>RequestExpired</Code>');
  });

  it('a changed body', async () => {
    const user = await userWith({ Action: 'ec2:*', Resource: '*' });
    const headers = await signedHeaders(cloud.aws, user, {
      method: 'POST',
      body: 'Action=DescribeVolumes&Version=2016-11-15',
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      signing: { service: 'ec2' },
    });
    const answer = await fetch(cloud.aws, {
      method: 'POST',
      body: 'Action=DeleteVolume&VolumeId=vol-0ours',
      headers,
    });
    expect(answer.status).toBe(401);
    expect(storage.seen).toEqual([]);
  });
});

describe('EFS and Backup refuse', () => {
  it('what is not allowed, as AccessDeniedException', async () => {
    const user = await userWith();
    await expect(
      efs(user).send(new DescribeFileSystemsCommand({ FileSystemId: 'fs-0ours' })),
    ).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringMatching(
        /^User: arn:aws:iam::000000000000:user\/user-\d+ is not authorized to perform: elasticfilesystem:DescribeFileSystems on resource: arn:aws:elasticfilesystem:us-east-1:000000000000:file-system\/fs-0ours because no identity-based policy allows/,
      ) as string,
      $metadata: { httpStatusCode: 403 },
    });
    await expect(backup(user).send(new ListBackupVaultsCommand({}))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  it('a wrong secret and an unknown key, each by its name', async () => {
    const user = await userWith({ Action: '*', Resource: '*' });
    const list = new DescribeFileSystemsCommand({});
    await expect(efs({ ...user, secretAccessKey: 'wrong' }).send(list)).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    });
    await expect(
      efs({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' }).send(list),
    ).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
    });
  });
});

describe('a storage service that is away', () => {
  it('is a 503, which clients repeat', async () => {
    const elsewhere = await startCloud({ storagePort: 1 });
    try {
      const sent = new EC2Client(as(elsewhere.aws)).send(new DescribeVolumesCommand({}));
      await expect(sent).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    } finally {
      await elsewhere.stop();
    }
  });
});
