import { AttachVolumeCommand, DescribeVolumesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient, Credentials } from '#shared/client/client.ts';
import { isProductError } from '#shared/model/errors.ts';
import type { Volume } from '#shared/model/volume.ts';
import { joinCloud } from './harness/cloud.ts';
import { hostSession } from './harness/host-session.ts';
import type { TestHost } from './harness/host.ts';
import { apiAs, newUser } from './harness/people.ts';

/** Who may call what. No key here is the deployer's: hosts have their role sessions, people are IAM users. */
const cloud = joinCloud();
const uuid = '11111111-2222-4333-8444-555555555555';
let a: TestHost;
let b: TestHost;
let keysOfB: Credentials;
let asB: ApiClient;
let volume: Volume;
let bootOfA: string;
let bootOfB: string;

beforeAll(async () => {
  a = await cloud.addHost('id-a', { docker: false });
  b = await cloud.addHost('id-b', { docker: false });
  keysOfB = await hostSession(b);
  asB = apiAs(cloud.file, keysOfB);
  [bootOfA, bootOfB] = [await bootOf(a), await bootOf(b)];
  const name = cloud.unique('held');
  await cloud.hivemind('volume', 'create', name, '--size', '1G');
  await cloud.hivemind('volume', 'attach', name, '--host', a.instanceId);
  volume = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
});

afterAll(() => cloud.close());

const bootOf = (host: TestHost): Promise<string> => host.run('cat', '/proc/sys/kernel/random/boot_id');

/** The code that a call is refused with; a call that is not refused fails the test. */
async function codeOf(call: Promise<unknown>): Promise<string> {
  const outcome = await call.then(
    (answer) => `answered ${JSON.stringify(answer)}`,
    (error: unknown) => error,
  );
  if (isProductError(outcome)) return outcome.code;
  return outcome instanceof Error ? outcome.name : String(outcome);
}

describe('a host, for another host’s volume', () => {
  const epochs = [0, 1, 2];

  it.each(epochs)('may neither use, format, release nor purge it (epoch %i)', async (epoch) => {
    const params = { volumeId: volume.id };
    for (const bootId of [bootOfB, bootOfA]) {
      const held = { bootId, epoch };
      const serial = volume.storage?.kind === 'ebs' ? volume.storage.volumeId.replace('-', '') : '';
      const calls = {
        lease: () => asB.call('setLease', { params, body: { ...held, inUse: true } }),
        clear: () => asB.call('setLease', { params, body: { ...held, inUse: false } }),
        ticket: () => asB.call('takeTicket', { params, body: { ...held, serial } }),
        formatted: () => asB.call('reportFormatted', { params, body: { ...held, uuid, mounted: true } }),
        release: () => asB.call('releaseVolume', { params, body: held }),
        purged: () => asB.call('reportPurged', { params, body: { accessPointId: 'fsap-0123456789abcdef0' } }),
      };
      for (const [what, call] of Object.entries(calls)) {
        const code = await codeOf(call());
        expect(code, `${what} of a volume that another host has`).toMatch(
          /^(AccessDenied|StaleEpoch|TicketRefused|VolumeNotFound|IllegalState)$/,
        );
      }
    }
    const now = await cloud.hivemindJson<Volume>('volume', 'inspect', volume.name);
    expect(now.attachments).toEqual(volume.attachments);
    expect(now.format).toBe('blank');
  });

  it('reports nothing for it', async () => {
    const observed = [{ volumeId: volume.id, epoch: 1, mounted: true, containers: ['forged'] }];
    await codeOf(asB.call('syncHost', { body: { bootId: bootOfB, observed } }));
    const { attachments } = await cloud.hivemindJson<Volume>('volume', 'inspect', volume.name);
    expect(attachments?.flatMap(({ containers }) => containers)).toEqual([]);
  });
});

describe('a host’s role session', () => {
  const endpoint = (): { endpoint: string; region: string } => ({
    endpoint: `http://127.0.0.1:${cloud.file.ports.aws}`,
    region: cloud.file.region,
  });

  it('is named after its instance, and nothing that a caller sends changes that', async () => {
    const { body } = await asB.call('registerHost', {
      body: { bootId: bootOfB, agentVersion: '0', hostname: a.instanceId, drivers: ['ebs'] },
    });
    expect(body.host.id).toBe(b.instanceId);
  });

  it('may not call what people call', async () => {
    const params = { namespace: 'default' };
    expect(await codeOf(asB.call('listVolumes', { params }))).toBe('AccessDenied');
    expect(await codeOf(asB.call('listHosts', { params }))).toBe('AccessDenied');
    const named = { params: { ...params, name: volume.name } };
    expect(await codeOf(asB.call('deleteVolume', named))).toBe('AccessDenied');
  });

  it('has no rights in EC2', async () => {
    const ec2 = new EC2Client({ ...endpoint(), credentials: keysOfB });
    expect(await codeOf(ec2.send(new DescribeVolumesCommand({})))).toBe('UnauthorizedOperation');
    const VolumeId = volume.storage?.kind === 'ebs' ? volume.storage.volumeId : '';
    const steal = new AttachVolumeCommand({ VolumeId, InstanceId: b.instanceId, Device: '/dev/sdz' });
    expect(await codeOf(ec2.send(steal))).toBe('UnauthorizedOperation');
  });

  it('reads its own queue and no other', async () => {
    const { body } = await asB.call('registerHost', {
      body: { bootId: bootOfB, agentVersion: '0', hostname: 'id-b', drivers: ['ebs'] },
    });
    const sqs = new SQSClient({ ...endpoint(), credentials: keysOfB, useQueueUrlAsEndpoint: false });
    const receive = (QueueUrl: string): Promise<string> =>
      codeOf(sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 0 })));
    expect(await receive(body.queueUrl)).toMatch(/^answered/);
    const others = body.queueUrl.replace(b.instanceId, a.instanceId);
    expect(others).not.toBe(body.queueUrl);
    expect(await receive(others)).toMatch(/AccessDenied/);
  });
});

describe('people', () => {
  const listing = (api: ApiClient): Promise<unknown> =>
    api.call('listVolumes', { params: { namespace: 'default' } });

  it('without a policy may do nothing', async () => {
    expect(await codeOf(listing(apiAs(cloud.file, await newUser(cloud.file))))).toBe('AccessDenied');
  });

  it('with the read-only policy may look and not touch', async () => {
    const reader = apiAs(cloud.file, await newUser(cloud.file, { policyOutput: 'ReadOnlyPolicyArn' }));
    expect(await codeOf(listing(reader))).toMatch(/^answered/);
    const params = { namespace: 'default' };
    const create = reader.call('createVolume', { params, body: { name: cloud.unique('never') } });
    expect(await codeOf(create)).toBe('AccessDenied');
    expect(await codeOf(reader.call('deleteVolume', { params: { ...params, name: volume.name } }))).toBe(
      'AccessDenied',
    );
  });

  it('are not hosts, whatever they may do', async () => {
    const body = { bootId: bootOfA, agentVersion: '0', hostname: 'me', drivers: [] };
    expect(await codeOf(cloud.api.call('registerHost', { body }))).toBe('AccessDenied');
    expect(await codeOf(cloud.api.call('syncHost', { body: { bootId: bootOfA, observed: [] } }))).toBe(
      'AccessDenied',
    );
  });
});
