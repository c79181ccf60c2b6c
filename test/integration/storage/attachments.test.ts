import { execFile } from 'node:child_process';
import { access, open, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  AttachVolumeCommand,
  DetachVolumeCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loopsUnder } from '#local/storage/bytes/loops.ts';
import { mapLimit } from '#shared/model/map-limit.ts';
import { run } from '#local/storage/bytes/exec.ts';
import { until } from '#test/support/until.ts';
import { codeOf, describeVolume, deviceLink, type Host, TestStorage } from './support/storage.ts';

const exec = promisify(execFile);
let storage: TestStorage;
let a: Host;
let b: Host;

beforeAll(async () => {
  storage = await TestStorage.start();
  a = await storage.host('i-0aaaaaaaaaaaaaaaa');
  b = await storage.host('i-0bbbbbbbbbbbbbbbb');
});

afterAll(async () => {
  const { invalidAnswers } = storage.service;
  await storage.close();
  expect(invalidAnswers).toEqual([]);
});

const synced = (path: string, text: string) =>
  exec('sh', ['-c', 'printf %s "$2" > "$1" && sync "$1"', 'sh', path, text]);

test('an attached volume is a device with its serial on its host, and is gone after the detach', async () => {
  const ec2 = storage.client();
  const volume = await storage.volume(ec2);
  const device = await storage.attach(ec2, { volume, host: a });
  await run('mkfs.ext4', ['-q', device]);
  const mounted = await storage.mount(device, 'first');
  await writeFile(join(mounted, 'data'), 'kept');
  await storage.umount(mounted);
  const udev = await readFile(join(a.udevDir, await readdirOne(a.udevDir)), 'utf8');
  expect(udev).toContain(`E:ID_SERIAL_SHORT=${volume.replace('-', '')}\n`);
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
  await expect(access(deviceLink(a, volume))).rejects.toThrow('ENOENT');
  const second = await storage.mount(await storage.attach(ec2, { volume, host: b }), 'second');
  expect(await readFile(join(second, 'data'), 'utf8')).toBe('kept');
  await storage.umount(second);
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
});

test('a detach stays busy while the device is held, and ends when it is let go', async () => {
  const ec2 = storage.client();
  const volume = await storage.volume(ec2);
  const device = await storage.attach(ec2, { volume, host: a });
  await run('mkfs.ext4', ['-q', device]);
  const mounted = await storage.mount(device, 'busy');
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.attachmentIs(ec2, volume, 'busy');
  expect((await describeVolume(ec2, volume)).State).toBe('in-use');
  expect(
    await codeOf(
      ec2.send(new AttachVolumeCommand({ VolumeId: volume, InstanceId: b.id, Device: '/dev/sdf' })),
    ),
  ).toBe('VolumeInUse');
  await synced(join(mounted, 'data'), 'still works');
  await storage.umount(mounted);
  await storage.volumeIs(ec2, volume, 'available');
});

test.for(['force', 'stop', 'terminate', 'crash'])(
  'after %s the old host can write nothing, and what it synced is there',
  async (how) => {
    const ec2 = storage.client();
    const host = await storage.host(`i-0${Buffer.from(how).toString('hex').padEnd(16, '0').slice(0, 16)}`);
    const volume = await storage.volume(ec2);
    const device = await storage.attach(ec2, { volume, host });
    await run('mkfs.ext4', ['-q', device]);
    const mounted = await storage.mount(device, how);
    await synced(join(mounted, 'before'), 'acknowledged');
    const cut = {
      force: () => ec2.send(new DetachVolumeCommand({ VolumeId: volume, Force: true })),
      stop: async () => {
        await ec2.send(new StopInstancesCommand({ InstanceIds: [host.id] }));
        await storage.admin(`POST /instances/${host.id}/power`, { to: 'stopped' });
        await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
      },
      terminate: () => ec2.send(new TerminateInstancesCommand({ InstanceIds: [host.id] })),
      crash: async () => {
        await storage.admin(`POST /instances/${host.id}/crash`);
        await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
      },
    }[how];
    await cut?.();
    await storage.volumeIs(ec2, volume, 'available');
    await expect(synced(join(mounted, 'after'), 'lost')).rejects.toThrow(
      /Input\/output error|Read-only|emergency|error/i,
    );
    const second = await storage.mount(
      await storage.attach(ec2, { volume, host: b, device: '/dev/sdg' }),
      `${how}-b`,
    );
    expect(await readFile(join(second, 'before'), 'utf8')).toBe('acknowledged');
    await storage.umount(mounted);
    await until(
      'the fenced device is freed',
      async () => (await storage.admin<unknown[]>('GET /fenced')).length === 0,
    );
    expect(await readFile(join(second, 'before'), 'utf8')).toBe('acknowledged');
    await storage.umount(second);
    await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
    await storage.volumeIs(ec2, volume, 'available');
  },
);

test('a device that is only open, without a mount, is held as well', async () => {
  const ec2 = storage.client();
  const volume = await storage.volume(ec2);
  const held = await open(await storage.attach(ec2, { volume, host: a }), 'r');
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.attachmentIs(ec2, volume, 'busy');
  await held.close();
  expect((await storage.volumeIs(ec2, volume, 'available')).Attachments).toEqual([]);
});

test('not one byte of the image changes while a fenced XFS is written, flushed and unmounted', async () => {
  const ec2 = storage.client();
  const volume = await storage.volume(ec2);
  const device = await storage.attach(ec2, { volume, host: a });
  await run('mkfs.xfs', ['-q', device]);
  const mounted = await storage.mount(device, 'xfs', 'nouuid');
  await synced(join(mounted, 'before'), 'acknowledged');
  await writeFile(join(mounted, 'dirty'), 'x'.repeat(1 << 20));
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume, Force: true }));
  await storage.volumeIs(ec2, volume, 'available');
  const image = join(storage.dir, 'disk', 'volumes', `${volume}.img`);
  await run('cp', ['--reflink=always', image, `${image}.before`]);
  await expect(synced(join(mounted, 'after'), 'lost')).rejects.toThrow('Input/output error');
  await storage.umount(mounted);
  expect(await run('cmp', [image, `${image}.before`])).toBe('');
  const second = await storage.mount(await storage.attach(ec2, { volume, host: b }), 'xfs-b');
  expect(await readFile(join(second, 'before'), 'utf8')).toBe('acknowledged');
  await storage.umount(second);
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
});

test('a frozen filesystem is fenced too, and writes nothing when it thaws', async () => {
  const ec2 = storage.client();
  const volume = await storage.volume(ec2);
  const device = await storage.attach(ec2, { volume, host: a });
  await run('mkfs.ext4', ['-q', device]);
  const mounted = await storage.mount(device, 'frozen');
  await synced(join(mounted, 'before'), 'acknowledged');
  await run('fsfreeze', ['--freeze', mounted]);
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume, Force: true }));
  await storage.volumeIs(ec2, volume, 'available');
  const image = join(storage.dir, 'disk', 'volumes', `${volume}.img`);
  await run('cp', ['--reflink=always', image, `${image}.before`]);
  await run('fsfreeze', ['--unfreeze', mounted]).catch(() => undefined);
  // ENOMEM is what Linux before 6.5 says of a block behind the end of the device.
  await expect(synced(join(mounted, 'after'), 'lost')).rejects.toThrow(
    /Input\/output error|Read-only|error|Cannot allocate memory/i,
  );
  await storage.umount(mounted);
  expect(await run('cmp', [image, `${image}.before`])).toBe('');
});

test('writers at full speed are cut off, and what they had under way lands behind the volume', async () => {
  const ec2 = storage.client();
  const volume = await storage.volume(ec2);
  const device = await storage.attach(ec2, { volume, host: a });
  await run('mkfs.ext4', ['-q', device]);
  const mounted = await storage.mount(device, 'flooded');
  await synced(join(mounted, 'before'), 'acknowledged');
  // An older kernel goes on taking writes into memory that it can no longer write; it says so to fsync alone.
  const flood = 'while dd if=/dev/zero of="$1" bs=1M count=200 conv=notrunc,fsync status=none; do :; done';
  const writers = ['one', 'two'].map((name) =>
    exec('sh', ['-c', flood, 'sh', join(mounted, name)]).catch(() => undefined),
  );
  await until('both have written', async () => (await readdir(mounted)).length >= 4);
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume, Force: true }));
  await storage.volumeIs(ec2, volume, 'available');
  const image = join(storage.dir, 'disk', 'volumes', `${volume}.img`);
  await run('cp', ['--reflink=always', image, `${image}.before`]);
  await Promise.all(writers);
  await storage.umount(mounted);
  expect(await run('cmp', [`--bytes=${2 ** 30}`, image, `${image}.before`])).toBe('');
  const second = await storage.mount(await storage.attach(ec2, { volume, host: b }), 'flooded-b');
  expect(await readFile(join(second, 'before'), 'utf8')).toBe('acknowledged');
  await storage.umount(second);
  await ec2.send(new DetachVolumeCommand({ VolumeId: volume }));
  await storage.volumeIs(ec2, volume, 'available');
});

test('many volumes attached and detached at once each have a device of their own, and leave none', async () => {
  const ec2 = storage.client();
  const letters = 'fghijklmnopqrstuvwx'.split('');
  const volumes = await mapLimit(letters, 20, async (letter) => ({ letter, id: await storage.volume(ec2) }));
  const devices = await mapLimit(volumes, 20, async ({ letter, id }) =>
    readlink(await storage.attach(ec2, { volume: id, host: a, device: `/dev/sd${letter}` })),
  );
  expect(new Set(devices).size).toBe(letters.length);
  await rm(a.byIdDir, { recursive: true });
  await storage.host(a.id);
  const again = await mapLimit(volumes, 20, ({ id }) => readlink(deviceLink(a, id)));
  expect(again).toEqual(devices);
  await mapLimit(volumes, 20, async ({ id }) => {
    await ec2.send(new DetachVolumeCommand({ VolumeId: id }));
    await storage.volumeIs(ec2, id, 'available');
  });
  expect(await loopsUnder(join(storage.dir, 'disk'))).toEqual([]);
  expect([await readdir(a.byIdDir), await readdir(a.udevDir)]).toEqual([[], []]);
});

async function readdirOne(dir: string): Promise<string> {
  return (await run('ls', [dir])).trim().split('\n')[0] ?? '';
}
