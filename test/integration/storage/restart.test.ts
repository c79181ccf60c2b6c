import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  AttachVolumeCommand,
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '#local/storage/bytes/exec.ts';
import { loopsUnder, releaseLoop } from '#local/storage/bytes/loops.ts';
import { serviceModels } from '#test/support/service-models.ts';
import { until } from '#test/support/until.ts';
import { adminCall } from './support/admin.ts';
import { credentials, describeVolume, deviceLink, type Host, leftNothing } from './support/storage.ts';

const exec = promisify(execFile);
const latency = {
  createVolume: 100,
  deleteVolume: 100,
  attach: 100,
  detach: 100,
  busyPoll: 20,
  snapshot: 100,
  instance: 100,
};

interface Running {
  readonly child: ChildProcess;
  readonly ec2: EC2Client;
  readonly adminSocket: string;
}

let dir: string;
let now: Running;
const host: Host = { id: 'i-0aaaaaaaaaaaaaaaa', byIdDir: '', udevDir: '' };
const mounts: string[] = [];

async function start(): Promise<Running> {
  const options = {
    dir,
    serviceModels: await serviceModels(),
    settings: { diskGib: 16, latency, limits: { snapshotSpacingMs: 0 } },
  };
  const program = fileURLToPath(import.meta.resolve('./support/service-process.ts'));
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { url, adminSocket } = JSON.parse(line.toString('utf8')) as { url: string; adminSocket: string };
  return {
    child,
    adminSocket,
    ec2: new EC2Client({ region: 'us-east-1', endpoint: url, credentials, maxAttempts: 1 }),
  };
}

async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const exit = once(now.child, 'exit');
  now.child.kill(signal);
  await exit;
}

async function killAndRestart(): Promise<void> {
  await end('SIGKILL');
  now = await start();
}

const admin = <T = unknown>(line: string, body?: unknown): Promise<T> =>
  adminCall<T>(now.adminSocket, line, body);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hivemind-storage-'));
  Object.assign(host, { byIdDir: join(dir, 'by-id'), udevDir: join(dir, 'udev') });
  now = await start();
  const machine = {
    name: 'a',
    availabilityZone: 'us-east-1a',
    instanceType: 'm7g.large',
    privateIpAddress: '10.99.1.2',
    byIdDir: host.byIdDir,
    udevDir: host.udevDir,
  };
  await admin(`PUT /instances/${host.id}`, machine);
});

afterEach(async () => {
  for (const point of mounts.splice(0)) await run('umount', ['--lazy', point]).catch(() => undefined);
  await admin('POST /reset').catch(() => undefined);
  await end('SIGTERM');
  await leftNothing(dir);
  await rm(dir, { recursive: true, force: true });
});

async function state(id: string, wanted: string): Promise<void> {
  await until(`${id} is ${wanted}`, async () => {
    const { State, Attachments } = await describeVolume(now.ec2, id);
    return wanted === State || wanted === Attachments?.[0]?.State;
  });
}

async function attached(): Promise<string> {
  const { VolumeId = '' } = await now.ec2.send(
    new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 1, VolumeType: 'gp3' }),
  );
  await state(VolumeId, 'available');
  await now.ec2.send(new AttachVolumeCommand({ VolumeId, InstanceId: host.id, Device: '/dev/sdf' }));
  await state(VolumeId, 'attached');
  return VolumeId;
}

async function mount(device: string): Promise<string> {
  const point = join(dir, `mnt${mounts.length}`);
  await run('mkdir', ['-p', point]);
  await run('mount', [device, point]);
  mounts.push(point);
  return point;
}

const synced = (path: string, text: string) =>
  exec('sh', ['-c', 'printf %s "$2" > "$1" && sync "$1"', 'sh', path, text]);
const devices = async (): Promise<string[]> =>
  (await loopsUnder(join(dir, 'disk'))).map(({ loop }) => loop.device);

test('a mounted volume is served through a kill, and is the same device after the restart', async () => {
  const volume = await attached();
  const link = deviceLink(host, volume);
  await run('mkfs.ext4', ['-q', link]);
  const point = await mount(link);
  const before = await devices();
  await end('SIGKILL');
  await synced(join(point, 'meanwhile'), 'written');
  now = await start();
  await state(volume, 'attached');
  expect(await devices()).toEqual(before);
  expect(before).toEqual([await readlink(link)]);
  await run('umount', [point]);
  await now.ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await state(volume, 'available');
  expect(await devices()).toEqual([]);
});

test('a machine that rebooted has its attached devices again, under their names', async () => {
  const volume = await attached();
  await end('SIGKILL');
  // What a reboot does: every loop device and everything under /dev and /run is gone.
  for (const { loop } of await loopsUnder(join(dir, 'disk'))) await releaseLoop(loop);
  await run('umount', [join(dir, 'disk')]);
  await rm(host.byIdDir, { recursive: true });
  await rm(host.udevDir, { recursive: true });
  now = await start();
  await state(volume, 'attached');
  expect(await devices()).toEqual([await readlink(deviceLink(host, volume))]);
});

test('a disk that another namespace still holds is mounted from its own device, never a second one', async () => {
  const volume = await attached();
  const link = deviceLink(host, volume);
  await run('mkfs.ext4', ['-q', link]);
  const point = await mount(link);
  await synced(join(point, 'before'), 'kept');
  await run('umount', [point]);
  const disks = async (): Promise<string[]> =>
    (await loopsUnder(dir)).filter(({ file }) => file.endsWith('disk.img')).map(({ loop }) => loop.device);
  const [disk = ''] = await disks();
  const stranger = spawn('unshare', ['--mount', 'sleep', 'infinity'], { stdio: 'ignore' });
  try {
    await until('the stranger has its copy', async () =>
      (await readlink(`/proc/${stranger.pid ?? 0}/exe`)).endsWith('sleep'),
    );
    await end('SIGTERM');
    expect(await disks()).toEqual([disk]);
    now = await start();
    expect(await disks()).toEqual([disk]);
    await state(volume, 'attached');
    expect(await readFile(join(await mount(link), 'before'), 'utf8')).toBe('kept');
  } finally {
    const gone = once(stranger, 'exit');
    stranger.kill('SIGKILL');
    await gone;
  }
});

test('a stop and a start in peace free the devices and bring them back', async () => {
  const volume = await attached();
  await end('SIGTERM');
  expect(await devices()).toEqual([]);
  expect((await readFile('/proc/self/mountinfo', 'utf8')).includes(dir)).toBe(false);
  now = await start();
  await state(volume, 'attached');
  expect(await devices()).toHaveLength(1);
});

test.for(['CreateVolume', 'AttachVolume', 'DetachVolume', 'DetachVolume with Force', 'CreateSnapshot'])(
  'killed right after the answer to %s, the work is finished once',
  async (action) => {
    const volume = await attached();
    const device = await readlink(deviceLink(host, volume));
    const { VolumeId: other = '' } = await now.ec2.send(
      new CreateVolumeCommand({ AvailabilityZone: 'us-east-1a', Size: 1, VolumeType: 'gp3' }),
    );
    if (action !== 'CreateVolume') await state(other, 'available');
    if (action === 'AttachVolume')
      await now.ec2.send(
        new AttachVolumeCommand({ VolumeId: other, InstanceId: host.id, Device: '/dev/sdg' }),
      );
    if (action.startsWith('DetachVolume'))
      await now.ec2.send(new DetachVolumeCommand({ VolumeId: volume, Force: action.endsWith('Force') }));
    const { SnapshotId } =
      action === 'CreateSnapshot' ? await now.ec2.send(new CreateSnapshotCommand({ VolumeId: volume })) : {};
    await killAndRestart();
    if (action === 'CreateVolume') await state(other, 'available');
    if (action === 'AttachVolume') await state(other, 'attached');
    if (action.startsWith('DetachVolume')) await state(volume, 'available');
    if (SnapshotId !== undefined)
      await until(
        'the snapshot is completed',
        async () =>
          (await now.ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [SnapshotId] }))).Snapshots?.[0]
            ?.State === 'completed',
      );
    const expected = { AttachVolume: 2, DetachVolume: 0, 'DetachVolume with Force': 0 }[action] ?? 1;
    await until('the devices are those that should be', async () => (await devices()).length === expected);
    const kept = (await devices()).includes(device);
    expect(kept).toBe(expected > 0);
    expect((await now.ec2.send(new DescribeVolumesCommand({}))).Volumes).toHaveLength(2);
  },
);

test('kills at any time lose no answer and double no device', async () => {
  const volume = await attached();
  for (let round = 0; round < 8; round++) {
    const moved = (async () => {
      await now.ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
      await state(volume, 'available');
      await now.ec2.send(
        new AttachVolumeCommand({ VolumeId: volume, InstanceId: host.id, Device: '/dev/sdf' }),
      );
    })().catch(() => undefined);
    const waited = exec('sleep', [(0.03 * round).toFixed(2)]);
    await waited;
    await killAndRestart();
    await moved;
    await until('the volume is at rest', async () => {
      const { State, Attachments } = await describeVolume(now.ec2, volume);
      return State === 'available' || Attachments?.[0]?.State === 'attached';
    });
    const { State } = await describeVolume(now.ec2, volume);
    expect(State).toMatch(/^(available|in-use)$/);
    await until(
      'there is one device for one attachment',
      async () => (await devices()).length === (State === 'available' ? 0 : 1),
    );
    if (State === 'available') {
      await now.ec2.send(
        new AttachVolumeCommand({ VolumeId: volume, InstanceId: host.id, Device: '/dev/sdf' }),
      );
      await state(volume, 'attached');
    }
  }
});
