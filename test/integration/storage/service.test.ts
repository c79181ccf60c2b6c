import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AttachVolumeCommand,
  DeleteVolumeCommand,
  DescribeInstancesCommand,
  DescribeInstanceStatusCommand,
  DetachVolumeCommand,
  RebootInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '#local/storage/bytes/exec.ts';
import { startStorageService } from '#local/storage/service.ts';
import { Store } from '#local/storage/state/store.ts';
import { serviceModels } from '#test/support/service-models.ts';
import { until } from '#test/support/until.ts';
import { codeOf, type Host, TestStorage } from './support/storage.ts';

interface Event {
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
  readonly Resources: readonly string[];
}

let storage: TestStorage;
let bus: Server;
let host: Host;
const events: Event[] = [];

/** Takes PutEvents, but neither the first time nor the second: it fails, then it refuses the entry and says 200. */
async function startBus(): Promise<number> {
  const refusals = [
    { status: 500, answer: {} },
    { status: 200, answer: { FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure' }] } },
  ];
  bus = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      const refusal = refusals.shift();
      if (refusal === undefined)
        events.push(...(JSON.parse(Buffer.concat(parts).toString('utf8')) as { Entries: Event[] }).Entries);
      const { status, answer } = refusal ?? { status: 200, answer: { FailedEntryCount: 0 } };
      response.writeHead(status).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => bus.listen(0, '127.0.0.1', resolve));
  return (bus.address() as AddressInfo).port;
}

beforeAll(async () => {
  storage = await TestStorage.start({ eventsEndpoint: `http://127.0.0.1:${await startBus()}` });
  host = await storage.host('i-0aaaaaaaaaaaaaaaa');
});

afterAll(async () => {
  const { invalidAnswers } = storage.service;
  await storage.close();
  bus.close();
  expect(invalidAnswers).toEqual([]);
});

const shown = ({ DetailType, Detail }: Event): string => {
  const { event, result, state } = JSON.parse(Detail) as { event?: string; result?: string; state?: string };
  return [DetailType, event ?? '', result ?? state ?? ''].join('/');
};

test('AWS’s events are emitted, also when the bus refuses one at first, in either way', async () => {
  const ec2 = storage.client();
  const volume = await storage.volume(ec2);
  await storage.attach(ec2, { volume, host });
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
  await ec2.send(new DeleteVolumeCommand({ VolumeId: volume }));
  const expected = [
    'createVolume/available',
    'attachVolume/attached',
    'detachVolume/detached',
    'deleteVolume/deleted',
  ].map((one) => `EBS Volume Notification/${one}`);
  await until('all events are there', () => expected.every((one) => events.map(shown).includes(one)));
  const own = events.find((event) => shown(event) === expected[1]);
  expect(own).toMatchObject({
    Source: 'aws.ec2',
    Resources: [
      `arn:aws:ec2:us-east-1:000000000000:volume/${volume}`,
      `arn:aws:ec2:us-east-1:000000000000:instance/${host.id}`,
    ],
  });
});

test('an instance goes through EC2’s states, on the wire and by its admin', async () => {
  const ec2 = storage.client();
  const InstanceIds = [(await storage.host('i-0bbbbbbbbbbbbbbbb')).id];
  const state = async (): Promise<string | undefined> =>
    (await ec2.send(new DescribeInstancesCommand({ InstanceIds }))).Reservations?.[0]?.Instances?.[0]?.State
      ?.Name;
  const stopping = await ec2.send(new StopInstancesCommand({ InstanceIds }));
  expect(stopping.StoppingInstances?.[0]).toMatchObject({
    PreviousState: { Name: 'running', Code: 16 },
    CurrentState: { Name: 'stopping', Code: 64 },
  });
  await until('it is stopped', async () => (await state()) === 'stopped');
  await ec2.send(new StartInstancesCommand({ InstanceIds }));
  await until('it runs', async () => (await state()) === 'running');
  await storage.admin(`POST /instances/${InstanceIds[0] ?? ''}/crash`);
  expect(await state()).toBe('running');
  const status = await ec2.send(new DescribeInstanceStatusCommand({ InstanceIds }));
  expect(status.InstanceStatuses?.[0]?.SystemStatus?.Status).toBe('impaired');
  await ec2.send(new TerminateInstancesCommand({ InstanceIds }));
  await until('it is terminated', async () => (await state()) === 'terminated');
  expect(await codeOf(ec2.send(new StartInstancesCommand({ InstanceIds })))).toBe('IncorrectInstanceState');
  await until(
    'its states were told',
    () =>
      events.filter(({ DetailType }) => DetailType === 'EC2 Instance State-change Notification').length >= 6,
  );
});

test('lsblk on the host shows the serial, and nobody else’s does', async () => {
  const ec2 = storage.client();
  const volume = await storage.volume(ec2);
  await storage.attach(ec2, { volume, host });
  const serials = async (udev: string): Promise<string> =>
    await run('unshare', [
      '--mount',
      'sh',
      '-ec',
      'mount -t tmpfs run /run; mkdir -p /run/udev/data; mount --bind "$1" /run/udev/data; lsblk --json -o NAME,SERIAL',
      'sh',
      udev,
    ]);
  const other = await storage.host('i-0cccccccccccccccc');
  expect(await serials(host.udevDir)).toContain(volume.replace('-', ''));
  await run('mkdir', ['-p', other.udevDir]);
  expect(await serials(other.udevDir)).not.toContain(volume.replace('-', ''));
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
});

test('with a token, nobody but the edge is served', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hivemind-storage-'));
  const service = await startStorageService({
    dir,
    port: 0,
    token: 'secret',
    serviceModels: await serviceModels(),
    settings: { diskGib: 1 },
  });
  const status = (
    headers: Record<string, string>,
    body = 'Action=DescribeVolumes&Version=2016-11-15',
  ): Promise<number> =>
    new Promise((resolve, reject) => {
      const call = request(service.url, { method: 'POST', headers }, (response) =>
        resolve(response.resume().statusCode ?? 0),
      );
      call.on('error', reject);
      call.end(body);
    });
  try {
    expect(await status({})).toBe(403);
    expect(await status({ 'x-hivemind-edge-token': 'guess' })).toBe(403);
    expect(await status({ 'x-hivemind-edge-token': 'secret' })).toBe(200);
    expect(
      await status({
        'x-hivemind-edge-token': 'secret',
        authorization: 'AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/s3/aws4_request',
      }),
    ).toBe(404);
    expect(await status({ 'x-hivemind-edge-token': 'secret' }, `Action=X${'x'.repeat(2 << 20)}`)).toBe(413);
    expect(
      await status({ 'x-hivemind-edge-token': 'secret' }, 'Action=RunInstances&Version=2016-11-15'),
    ).toBe(400);
    expect(await status({ 'x-hivemind-edge-token': 'secret' }, 'Action=Nonsense&Version=2016-11-15')).toBe(
      400,
    );
  } finally {
    await service.stop();
    await rm(dir, { recursive: true, force: true });
  }
});

test('what was committed is there after a crash, and a torn line is not', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hivemind-storage-'));
  const record = { volumeId: 'vol-1', loop: { device: '/dev/loop9', number: '7:9' }, since: '' };
  try {
    const store = await Store.open(dir);
    store.put('fenced', 'kept', record);
    store.put('fenced', 'deleted', record);
    await store.commit();
    store.delete('fenced', 'deleted');
    await store.commit();
    await appendFile(join(dir, 'state.log'), '{"table":"fenced","id":"torn","val');
    const again = await Store.open(dir);
    expect(again.ids('fenced')).toEqual(['kept']);
    const before = Date.now();
    await until('the clock has moved', () => Date.now() > before);
    again.delete('fenced', 'kept');
    expect(again.get('fenced', 'kept')).toBeUndefined();
    expect(again.asOf(before).list('fenced')).toEqual([record]);
    await again.close();
    await store.close();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('a full disk refuses a commit, and what it refused is there once there is room', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hivemind-storage-'));
  const filler = join(dir, 'filler');
  await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir]);
  try {
    const store = await Store.open(dir);
    await run('sh', ['-c', 'cat /dev/zero >"$1" || true', 'sh', filler]);
    for (const id of ['a', 'b'])
      store.put('fenced', id, { volumeId: 'x'.repeat(20_000), loop: { device: '', number: '' }, since: '' });
    await expect(store.commit()).rejects.toThrow('ENOSPC');
    await rm(filler);
    store.put('fenced', 'c', { volumeId: 'vol-1', loop: { device: '', number: '' }, since: '' });
    await store.commit();
    const again = await Store.open(dir);
    expect(again.ids('fenced')).toEqual(['a', 'b', 'c']);
    await again.close();
    await store.close();
  } finally {
    await run('umount', ['--lazy', dir]);
    await rm(dir, { recursive: true, force: true });
  }
});

test('an attach to a machine that is gone is refused', async () => {
  const ec2 = storage.client();
  const volume = await storage.volume(ec2);
  const gone = await storage.host('i-0dddddddddddddddd');
  await storage.admin(`POST /instances/${gone.id}/power`, { to: 'terminated' });
  expect(
    await codeOf(
      ec2.send(new AttachVolumeCommand({ VolumeId: volume, InstanceId: gone.id, Device: '/dev/sdf' })),
    ),
  ).toBe('IncorrectState');
});

test('a reboot ends the old boot’s devices and gives the new one its own', async () => {
  const ec2 = storage.client();
  const rebooted = await storage.host('i-0eeeeeeeeeeeeeeee');
  const volume = await storage.volume(ec2);
  const device = await storage.attach(ec2, { volume, host: rebooted });
  await run('mkfs.ext4', ['-q', device]);
  const old = await storage.mount(device, 'old boot');
  await ec2.send(new RebootInstancesCommand({ InstanceIds: [rebooted.id] }));
  await expect(run('sh', ['-c', 'echo x >"$1/x" && sync "$1/x"', 'sh', old])).rejects.toThrow(
    /error|Read-only/i,
  );
  const fresh = await storage.mount(device, 'new boot');
  await run('sh', ['-c', 'echo x >"$1/x" && sync "$1/x"', 'sh', fresh]);
  await storage.umount(old);
  await storage.umount(fresh);
});

test('what authorisation asks: tags, a volume’s holder, nothing of what is not there', async () => {
  const ec2 = storage.client();
  const Tags = [{ Key: 'owner', Value: 'product' }];
  const volume = await storage.volume(ec2, { TagSpecifications: [{ ResourceType: 'volume', Tags }] });
  const facts = { tags: { owner: 'product' } };
  expect(await storage.admin(`GET /resources/${volume}`)).toEqual(facts);
  await storage.attach(ec2, { volume, host, device: '/dev/sdq' });
  const arn = encodeURIComponent(`arn:aws:ec2:us-east-1:000000000000:volume/${volume}`);
  expect(await storage.admin(`GET /resources/${arn}`)).toEqual({ ...facts, instanceId: host.id });
  await expect(storage.admin('GET /resources/vol-0123456789abcdef0')).rejects.toThrow('404');
});

test('a terminated instance is forgotten, a living one is not', async () => {
  const { id } = await storage.host('i-0ffffffffffffffff');
  await expect(storage.admin(`DELETE /instances/${id}`)).rejects.toThrow('409');
  await storage.admin(`POST /instances/${id}/power`, { to: 'terminated' });
  await storage.admin(`DELETE /instances/${id}`);
  expect(await codeOf(storage.client().send(new DescribeInstancesCommand({ InstanceIds: [id] })))).toBe(
    'InvalidInstanceID.NotFound',
  );
});
