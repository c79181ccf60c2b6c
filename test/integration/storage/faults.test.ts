import {
  AttachVolumeCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { until } from '#test/support/until.ts';
import { codeOf, describeVolume, type Host, TestStorage } from './support/storage.ts';

let storage: TestStorage;
let ec2: EC2Client;
let host: Host;
const base = { AvailabilityZone: 'us-east-1a', Size: 1, VolumeType: 'gp3' } as const;

beforeAll(async () => {
  storage = await TestStorage.start();
  ec2 = storage.client();
  host = await storage.host('i-0aaaaaaaaaaaaaaaa');
});

afterEach(() => storage.admin('DELETE /faults'));

afterAll(() => storage.close());

interface Counted {
  readonly id: string;
  readonly injected: number;
}

test('throttling and internal errors strike the calls that are named, as often as said, and are counted', async () => {
  await storage.admin('PUT /faults', [
    { id: 'slow down', kind: 'throttle', service: 'ec2', action: 'CreateVolume', times: 2 },
    { id: 'broken', kind: 'internal-error', appId: 'victim', action: 'DescribeVolumes' },
    { id: 'own', kind: 'error', code: 'InsufficientVolumeCapacity', action: 'CreateSnapshot' },
  ]);
  expect(await codeOf(ec2.send(new CreateVolumeCommand(base)))).toBe('RequestLimitExceeded');
  expect(await codeOf(ec2.send(new CreateVolumeCommand(base)))).toBe('RequestLimitExceeded');
  expect(await codeOf(ec2.send(new CreateVolumeCommand(base)))).toBe('no error');
  expect(await codeOf(storage.client('us-east-1', 'victim').send(new DescribeVolumesCommand({})))).toBe(
    'InternalError',
  );
  expect(await codeOf(ec2.send(new DescribeVolumesCommand({})))).toBe('no error');
  const counted = await storage.admin<Counted[]>('GET /faults');
  expect(counted.map(({ id, injected }) => [id, injected])).toEqual([
    ['slow down', 2],
    ['broken', 1],
    ['own', 0],
  ]);
});

test('a reset after the commit has carried the call out; the same token finds the volume', async () => {
  await storage.admin('PUT /faults', [
    { id: 'cut', kind: 'reset-after-commit', action: 'CreateVolume', times: 1 },
  ]);
  const before = await storage.admin<unknown[]>('GET /volumes');
  const input = { ...base, ClientToken: 'cut off' };
  expect(await codeOf(ec2.send(new CreateVolumeCommand(input)))).not.toBe('no error');
  const after = await storage.admin<{ id: string }[]>('GET /volumes');
  expect(after).toHaveLength(before.length + 1);
  expect((await ec2.send(new CreateVolumeCommand(input))).VolumeId).toBe(after.at(-1)?.id);
  const calls =
    await storage.admin<{ action: string; status: number; faults: string[]; clientToken?: string }[]>(
      'GET /calls?since=0',
    );
  expect(
    calls
      .filter(({ clientToken }) => clientToken === 'cut off')
      .map(({ status, faults }) => [status, faults]),
  ).toEqual([
    [0, ['cut']],
    [200, []],
  ]);
});

test('a reset before leaves no trace', async () => {
  await storage.admin('PUT /faults', [{ id: 'cut', kind: 'reset-before', action: 'CreateVolume' }]);
  const before = await storage.admin<unknown[]>('GET /volumes');
  expect(await codeOf(ec2.send(new CreateVolumeCommand(base)))).not.toBe('no error');
  expect(await storage.admin('GET /volumes')).toHaveLength(before.length);
});

test('stale reads show the world of a moment ago', async () => {
  const volume = await storage.volume(ec2);
  await storage.admin('PUT /faults', [{ id: 'stale', kind: 'stale-reads', ms: 60_000, times: 1 }]);
  expect(await codeOf(ec2.send(new DescribeVolumesCommand({ VolumeIds: [volume] })))).toBe(
    'InvalidVolume.NotFound',
  );
  expect((await describeVolume(ec2, volume)).State).toBe('available');
});

test('a stuck attach stays so until it is detached, and its name is burnt until the instance stops', async () => {
  const volume = await storage.volume(ec2);
  await storage.admin('PUT /faults', [{ id: 'stuck', kind: 'stuck-attach', times: 1 }]);
  const attach = new AttachVolumeCommand({ VolumeId: volume, InstanceId: host.id, Device: '/dev/sdf' });
  await ec2.send(attach);
  await storage.attachmentIs(ec2, volume, 'attaching');
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
  expect(await codeOf(ec2.send(attach))).toBe('InvalidParameterValue');
  await storage.admin(`POST /instances/${host.id}/power`, { to: 'stopped' });
  await storage.admin(`POST /instances/${host.id}/power`, { to: 'running' });
  expect(await codeOf(ec2.send(attach))).toBe('no error');
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
});

test('a KMS refusal answers 200 and then drops the volume; another fault lets it end in error', async () => {
  await storage.admin('PUT /faults', [{ id: 'kms', kind: 'drop-volume', times: 1 }]);
  const dropped = await ec2.send(new CreateVolumeCommand({ ...base, Encrypted: true }));
  await until(
    'the volume is dropped',
    async () =>
      (await codeOf(ec2.send(new DescribeVolumesCommand({ VolumeIds: [dropped.VolumeId ?? ''] })))) ===
      'InvalidVolume.NotFound',
  );
  await storage.admin('PUT /faults', [{ id: 'bad', kind: 'volume-error', times: 1 }]);
  const bad = await ec2.send(new CreateVolumeCommand(base));
  expect((await storage.volumeIs(ec2, bad.VolumeId ?? '', 'error')).Attachments).toEqual([]);
});

test('a snapshot can fail, and a transition can take longer', async () => {
  const volume = await storage.volume(ec2);
  await storage.admin('PUT /faults', [{ id: 'bad', kind: 'snapshot-error' }]);
  const { SnapshotId = '' } = await ec2.send(new CreateSnapshotCommand({ VolumeId: volume }));
  await until(
    'the snapshot failed',
    async () =>
      (await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }))).Snapshots?.[0]?.State ===
      'error',
  );
  await storage.admin('PUT /faults', [
    { id: 'slow', kind: 'slow-transition', action: 'AttachVolume', ms: 600_000 },
  ]);
  await ec2.send(new AttachVolumeCommand({ VolumeId: volume, InstanceId: host.id, Device: '/dev/sdh' }));
  await storage.admin('DELETE /faults');
  expect((await describeVolume(ec2, volume)).Attachments?.[0]?.State).toBe('attaching');
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
});

test('a fault that is none is refused', async () => {
  await expect(storage.admin('PUT /faults', [{ id: 'x', kind: 'earthquake' }])).rejects.toThrow('400');
});
