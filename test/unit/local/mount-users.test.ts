import { expect, it } from 'vitest';
import { mountUsers, type MountView } from '#local/cloud/mount-users.ts';

const root = '/var/lib/hivemind';
const disk = '8:1 /';
const view = (pid: number, namespace: string, ...mounts: readonly string[]): MountView => ({
  pid,
  command: `command-${pid}`,
  namespace,
  // "DEVICE ROOT PATH" of each, in the kernel's line.
  mountinfo: mounts
    .map((mount, index) => `${index + 20} 1 ${mount} rw,relatime shared:1 - ext4 /dev/x rw\n`)
    .join(''),
});
const machine = view(
  1,
  'machine',
  `${disk} /`,
  `7:5 /data ${root}/volumes/db`,
  `8:1 /data/shared ${root}/volumes/files`,
  `0:50 / ${root}/volumes/two\\040words`,
);
const users = (...others: readonly MountView[]) =>
  mountUsers(root, machine, others).map(({ path, pid }) => [path.slice(root.length), pid]);

it('a container that has the device, or a part of it, uses the volume', () => {
  expect(users(view(7, 'c', `${disk}var/lib/docker/1 /`, '7:5 /data /data'))).toEqual([['/volumes/db', 7]]);
  expect(users(view(7, 'c', '7:5 /data/sub /x'))).toEqual([['/volumes/db', 7]]);
  expect(users(view(7, 'c', '0:50 / /x'))).toEqual([['/volumes/two words', 7]]);
});

it('of a directory of the machine that very directory counts, not others of its filesystem', () => {
  expect(users(view(7, 'c', '8:1 /data/shared /x'))).toEqual([['/volumes/files', 7]]);
  expect(users(view(7, 'c', '8:1 /data/shared-too /x', '8:1 /data /y', '8:1 /etc/hosts /etc/hosts'))).toEqual(
    [],
  );
});

it('a container is named once, by its first process', () => {
  expect(users(view(7, 'c', '7:5 /data /data'), view(8, 'c', '7:5 /data /data'))).toEqual([
    ['/volumes/db', 7],
  ]);
});

it('no user: this machine’s own processes, and services whose namespace is a copy of its', () => {
  const copy = machine.mountinfo;
  expect(users(machine, { ...view(9, 'service'), mountinfo: copy })).toEqual([]);
});

it('nothing is used where nothing is mounted', () => {
  expect(mountUsers('/elsewhere', machine, [view(7, 'c', '7:5 /data /data')])).toEqual([]);
});
