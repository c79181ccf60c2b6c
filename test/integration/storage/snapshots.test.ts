import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  CopySnapshotCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotsCommand,
  DetachVolumeCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '#local/storage/bytes/exec.ts';
import { until } from '#test/support/until.ts';
import { codeOf, type Host, TestStorage } from './support/storage.ts';

const exec = promisify(execFile);
let storage: TestStorage;
let ec2: EC2Client;
let host: Host;

beforeAll(async () => {
  storage = await TestStorage.start();
  ec2 = storage.client();
  host = await storage.host('i-0aaaaaaaaaaaaaaaa');
});

afterAll(async () => {
  const { invalidAnswers } = storage.service;
  await storage.close();
  expect(invalidAnswers).toEqual([]);
});

const synced = (path: string, text: string) =>
  exec('sh', ['-c', 'printf %s "$2" > "$1" && sync "$1"', 'sh', path, text]);

async function completed(client: EC2Client, id: string): Promise<void> {
  await until(`${id} is completed`, async () => {
    const { Snapshots } = await client.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] }));
    return Snapshots?.[0]?.State === 'completed';
  });
}

async function snapshot(volume: string): Promise<string> {
  const { SnapshotId = '' } = await ec2.send(new CreateSnapshotCommand({ VolumeId: volume }));
  await completed(ec2, SnapshotId);
  return SnapshotId;
}

async function mounted(name: string, device: string): Promise<{ volume: string; at: string }> {
  const volume = await storage.volume(ec2);
  const path = await storage.attach(ec2, { volume, host, device });
  await run('mkfs.ext4', ['-q', path]);
  return { volume, at: await storage.mount(path, name) };
}

async function restored(SnapshotId: string, device: string): Promise<{ volume: string; at: string }> {
  const volume = await storage.volume(ec2, { SnapshotId, Size: 2 });
  const path = await storage.attach(ec2, { volume, host, device });
  await run('e2fsck', ['-p', path]);
  expect(Number(await run('blockdev', ['--getsize64', path]))).toBe(2 * 2 ** 30);
  return { volume, at: await storage.mount(path, SnapshotId) };
}

async function release({ volume, at }: { volume: string; at: string }): Promise<void> {
  await storage.umount(at);
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
}

test('a snapshot holds what was synced before the call, and nothing that came after its answer', async () => {
  const source = await mounted('source', '/dev/sdf');
  await synced(join(source.at, 'before'), 'in');
  const { SnapshotId = '' } = await ec2.send(new CreateSnapshotCommand({ VolumeId: source.volume }));
  await synced(join(source.at, 'after'), 'out');
  await completed(ec2, SnapshotId);
  const copy = await restored(SnapshotId, '/dev/sdg');
  expect(await readFile(join(copy.at, 'before'), 'utf8')).toBe('in');
  await expect(readFile(join(copy.at, 'after'))).rejects.toThrow('ENOENT');
  await release(copy);
  await release(source);
});

test('a snapshot without a freeze or a sync misses what the host had not written yet', async () => {
  const source = await mounted('unsynced', '/dev/sdf');
  await synced(join(source.at, 'synced'), 'there');
  await writeFile(join(source.at, 'cached'), 'x'.repeat(1 << 20));
  const copy = await restored(await snapshot(source.volume), '/dev/sdg');
  expect(await readFile(join(copy.at, 'synced'), 'utf8')).toBe('there');
  const cached = await readFile(join(copy.at, 'cached')).catch(() => Buffer.alloc(0));
  expect(cached.length).toBeLessThan(1 << 20);
  await release(copy);
  await release(source);
});

test('a snapshot under load is one point in time', async () => {
  const source = await mounted('load', '/dev/sdf');
  // Each round writes b only when a of the same round is on the disk: no moment has b newer than a.
  const load = execFile('sh', [
    '-c',
    'i=0; while :; do i=$((i+1)); echo $i >$1/a.new; sync $1/a.new; mv $1/a.new $1/a; sync -f $1/a; echo $i >$1/b.new; sync $1/b.new; mv $1/b.new $1/b; sync -f $1/b; done',
    'sh',
    source.at,
  ]);
  try {
    await until(
      'the load runs',
      async () => Number(await readFile(join(source.at, 'b'), 'utf8').catch(() => '0')) > 3,
    );
    for (let round = 0; round < 3; round++) {
      const least = Number(await readFile(join(source.at, 'b'), 'utf8'));
      const copy = await restored(await snapshot(source.volume), '/dev/sdg');
      const [a, b] = [
        Number(await readFile(join(copy.at, 'a'), 'utf8')),
        Number(await readFile(join(copy.at, 'b'), 'utf8')),
      ];
      expect(a - b).toBeGreaterThanOrEqual(0);
      expect(a - b).toBeLessThanOrEqual(1);
      expect(b).toBeGreaterThanOrEqual(least - 1);
      await release(copy);
    }
  } finally {
    const ended = new Promise((resolve) => load.once('exit', resolve));
    load.kill('SIGKILL');
    await ended;
  }
  await until(
    'the load let go',
    async () =>
      await run('umount', [source.at]).then(
        () => true,
        () => false,
      ),
  );
  await ec2.send(new DetachVolumeCommand({ VolumeId: source.volume }));
});

test('a snapshot outlives its volume, is copied to another Region, and gives no smaller volume', async () => {
  const volume = await storage.volume(ec2, { Size: 3, Encrypted: true });
  const id = await snapshot(volume);
  const europe = storage.client('eu-west-1');
  const copied = await europe.send(
    new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId: id, Description: 'far' }),
  );
  await completed(europe, copied.SnapshotId ?? '');
  const { Snapshots } = await europe.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
  expect(Snapshots).toHaveLength(1);
  expect(Snapshots?.[0]).toMatchObject({
    Description: 'far',
    Encrypted: true,
    VolumeSize: 3,
    VolumeId: 'vol-ffffffff',
  });
  expect(Snapshots?.[0]?.KmsKeyId).toContain('arn:aws:kms:eu-west-1:');
  expect(
    await codeOf(
      ec2.send(
        new CreateVolumeCommand({
          AvailabilityZone: 'us-east-1a',
          SnapshotId: id,
          Size: 2,
          VolumeType: 'gp3',
        }),
      ),
    ),
  ).toBe('InvalidParameterValue');
  await ec2.send(new DeleteSnapshotCommand({ SnapshotId: id }));
  expect(await codeOf(ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [id] })))).toBe(
    'InvalidSnapshot.NotFound',
  );
  expect((await europe.send(new DescribeSnapshotsCommand({}))).Snapshots).toHaveLength(1);
});

test('EBS’s limits: one snapshot of a volume in its interval, some at once', async () => {
  const limited = await TestStorage.start({ limits: { snapshotSpacingMs: 60_000 } });
  const crowded = await TestStorage.start({
    latency: { snapshot: 60_000 },
    limits: { snapshotsPerVolume: 1 },
  });
  try {
    for (const [cloud, code] of [
      [limited, 'SnapshotCreationPerVolumeRateExceeded'],
      [crowded, 'ConcurrentSnapshotLimitExceeded'],
    ] as const) {
      const client = cloud.client();
      const volume = await cloud.volume(client);
      await client.send(new CreateSnapshotCommand({ VolumeId: volume }));
      expect(await codeOf(client.send(new CreateSnapshotCommand({ VolumeId: volume })))).toBe(code);
    }
  } finally {
    await limited.close();
    await crowded.close();
  }
});

test('a snapshot is not deleted under the volume that is made from it', async () => {
  const id = await snapshot(await storage.volume(ec2));
  await storage.admin('PUT /faults', [
    { id: 'slow', kind: 'slow-transition', action: 'CreateVolume', ms: 1000 },
  ]);
  const made = await ec2.send(
    new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', SnapshotId: id, VolumeType: 'gp3' }),
  );
  await storage.admin('DELETE /faults');
  expect(await codeOf(ec2.send(new DeleteSnapshotCommand({ SnapshotId: id })))).toBe('InvalidSnapshot.InUse');
  await storage.volumeIs(ec2, made.VolumeId ?? '', 'available');
  expect(await codeOf(ec2.send(new DeleteSnapshotCommand({ SnapshotId: id })))).toBe('no error');
});

test('so many copies at once into a Region, and no more', async () => {
  const crowded = await TestStorage.start({
    latency: { copySnapshot: 60_000 },
    limits: { snapshotCopies: 1 },
  });
  try {
    const client = crowded.client();
    const { SnapshotId = '' } = await client.send(
      new CreateSnapshotCommand({ VolumeId: await crowded.volume(client) }),
    );
    await completed(client, SnapshotId);
    const copy = (region: string): Promise<string> =>
      codeOf(
        crowded
          .client(region)
          .send(new CopySnapshotCommand({ SourceRegion: 'us-east-1', SourceSnapshotId: SnapshotId })),
      );
    expect(await copy('eu-west-1')).toBe('no error');
    expect(await copy('eu-west-1')).toBe('ResourceLimitExceeded');
    expect(await copy('eu-west-2')).toBe('no error');
  } finally {
    await crowded.close();
  }
});
