import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeInstancesCommand, DetachVolumeCommand } from '@aws-sdk/client-ec2';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HostCloud } from '#local/hosts/cloud.ts';
import { removeHosts } from '#local/hosts/fleet.ts';
import { readHost } from '#local/hosts/host-file.ts';
import { addHost, cutHost, freezeHost, startHost, stopHost, thawHost } from '#local/hosts/hosts.ts';
import { findMachine, insideOf } from '#local/hosts/machine.ts';
import { attemptInside, runInside } from '#local/hosts/namespaces.ts';
import { deviceLink, TestStorage } from '#test/integration/storage/support/storage.ts';
import type { Host } from '#test/integration/storage/support/storage.ts';
import { until } from '#test/support/until.ts';
import { makeBundles } from './host-cloud.ts';
import { tracesOf } from './traces.ts';

/** Hosts over the real storage service: what stop, cut, freeze and thaw do to bytes. */
let storage: TestStorage;
let cloud: HostCloud;
let ec2: EC2Client;

beforeAll(async () => {
  storage = await TestStorage.start();
  ec2 = storage.client();
  const home = mkdtempSync(join(tmpdir(), 'hivemind-hosts-'));
  await makeBundles(home);
  const sockets = { storageAdmin: storage.service.adminSocket };
  cloud = { home, region: 'us-east-1', account: '000000000000', ports: { aws: 9, api: 9 }, sockets };
  for (const name of ['a', 'b']) await addHost(cloud, name, { agent: false, docker: false });
});

afterAll(async () => {
  await removeHosts(cloud);
  expect(await tracesOf(cloud.home)).toEqual([]);
  expect(storage.service.invalidAnswers).toEqual([]);
  await storage.close();
  rmSync(cloud.home, { recursive: true, force: true });
});

const on = async (name: string, ...argv: string[]): Promise<string> =>
  (await runInside(insideOf(findMachine(cloud, name)), argv)).trim();
const shell = (name: string, script: string): Promise<string> => on(name, 'sh', '-ec', script);

function hostOf(name: string): Host {
  const { paths } = findMachine(cloud, name);
  return { id: readHost(cloud.home, name).instanceId, byIdDir: paths.byId, udevDir: paths.udev };
}

const byId = (volume: string): string => deviceLink({ ...hostOf('a'), byIdDir: '/dev/disk/by-id' }, volume);

/** A new volume, formatted and mounted on host a at /var/lib/hivemind/VOLUME. */
async function mountedOnA(): Promise<string> {
  const volume = await storage.volume(ec2);
  await storage.attach(ec2, { volume, host: hostOf('a') });
  await shell('a', `mkfs.ext4 -q ${byId(volume)}; mkdir /var/lib/hivemind/${volume}`);
  await shell('a', `mount ${byId(volume)} /var/lib/hivemind/${volume}; sync -f /var/lib/hivemind/${volume}`);
  return volume;
}

async function moveToB(volume: string): Promise<void> {
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
  await storage.attach(ec2, { volume, host: hostOf('b') });
  await shell('b', `mkdir /var/lib/hivemind/${volume}; mount ${byId(volume)} /var/lib/hivemind/${volume}`);
}

async function letGoOnB(volume: string): Promise<void> {
  await shell('b', `umount /var/lib/hivemind/${volume}; e2fsck -f -n ${byId(volume)}`);
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
}

async function instanceState(name: string): Promise<string | undefined> {
  const { Reservations = [] } = await ec2.send(
    new DescribeInstancesCommand({ InstanceIds: [hostOf(name).id] }),
  );
  return Reservations[0]?.Instances?.[0]?.State?.Name;
}

test('EC2 shows each host with its zone, address and namespace', async () => {
  const { net } = findMachine(cloud, 'a');
  const { Reservations = [] } = await ec2.send(
    new DescribeInstancesCommand({ InstanceIds: [hostOf('a').id] }),
  );
  expect(Reservations[0]?.Instances?.[0]).toMatchObject({
    Placement: { AvailabilityZone: 'us-east-1a' },
    PrivateIpAddress: net.address,
    State: { Name: 'running' },
    Tags: expect.arrayContaining([{ Key: 'hivemind:host-namespace', Value: 'default' }]) as unknown,
  });
});

test('a stop writes what is dirty; the volume then goes to another host without force', async () => {
  const volume = await mountedOnA();
  expect(await on('a', 'lsblk', '-dno', 'SERIAL', byId(volume))).toBe(volume.replace('-', ''));
  await shell('a', `echo unsynced >/var/lib/hivemind/${volume}/file`);
  await stopHost(cloud, 'a');
  expect(await instanceState('a')).toBe('stopped');
  await moveToB(volume);
  expect(await on('b', 'cat', `/var/lib/hivemind/${volume}/file`)).toBe('unsynced');
  await letGoOnB(volume);
  await startHost(cloud, 'a');
  expect(await instanceState('a')).toBe('running');
});

test('a host that is stopped while a filesystem of it is frozen lets go of the device', async () => {
  const volume = await mountedOnA();
  await shell('a', `fsfreeze --freeze /var/lib/hivemind/${volume}`);
  await stopHost(cloud, 'a');
  await moveToB(volume);
  await letGoOnB(volume);
  expect(await storage.admin('GET /fenced')).toEqual([]);
  await startHost(cloud, 'a');
});

test('a power cut loses what was not synced, keeps what was, and the device comes back with the host', async () => {
  const volume = await mountedOnA();
  await shell('a', `cd /var/lib/hivemind/${volume}; echo kept >synced; sync synced; echo lost >unsynced`);
  await cutHost(cloud, 'a');
  await startHost(cloud, 'a');
  await shell('a', `mount ${byId(volume)} /var/lib/hivemind/${volume}`);
  expect(await on('a', 'cat', `/var/lib/hivemind/${volume}/synced`)).toBe('kept');
  const unsynced = await attemptInside(insideOf(findMachine(cloud, 'a')), [
    'cat',
    `/var/lib/hivemind/${volume}/unsynced`,
  ]);
  expect(unsynced.stdout).toBe('');
  await shell('a', `umount /var/lib/hivemind/${volume}`);
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
});

test('a frozen host that was stopped can write nothing when it thaws, and no synced byte is lost', async () => {
  const volume = await mountedOnA();
  const dir = `/var/lib/hivemind/${volume}`;
  // Writes numbered lines, each synced before the next; what it was told to be written is in /run of the host.
  const writer = `n=0; while n=$((n+1)); echo $n >>${dir}/lines && sync ${dir}/lines; do echo $n >/run/acknowledged; done; echo failed >/run/outcome`;
  await shell('a', `(${writer}) >/dev/null 2>&1 &`);
  const acknowledged = (): number => {
    const { record } = findMachine(cloud, 'a');
    return Number(readFileSync(`/proc/${record.init?.pid ?? 0}/root/run/acknowledged`, 'utf8'));
  };
  await until('lines are written', () => acknowledged() > 5);
  await freezeHost(cloud, 'a');
  const synced = acknowledged();
  await stopHost(cloud, 'a');
  expect(await instanceState('a')).toBe('stopped');
  await moveToB(volume);
  const lines = (await on('b', 'cat', `${dir}/lines`)).split('\n').map(Number);
  expect(lines.slice(0, synced)).toEqual(Array.from({ length: synced }, (_, index) => index + 1));
  await thawHost(cloud, 'a');
  expect(await until('the writer ends', async () => on('a', 'cat', '/run/outcome'))).toBe('failed');
  expect(acknowledged()).toBeLessThanOrEqual(synced + 1);
  await on('b', 'sh', '-c', `echo mine >${dir}/b && sync`);
  expect((await on('b', 'cat', `${dir}/lines`)).split('\n').length).toBe(lines.length);
  await letGoOnB(volume);
  await startHost(cloud, 'a');
});
