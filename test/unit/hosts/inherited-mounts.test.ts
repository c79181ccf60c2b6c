import { expect, test } from 'vitest';
import { inheritedMounts } from '#local/hosts/namespaces.ts';
import { subnet } from '#local/hosts/subnets.ts';

const mount = (path: string, source: string, type = 'ext4') => ({ path, source, type });

test('a new host lets go of volumes and images, the last mounted first', () => {
  const mounts = [
    mount('/', '/dev/sda1'),
    mount('/home/u/.hivemind/storage/disk', '/dev/loop3', 'xfs'),
    mount('/var/lib/hivemind/mounts/vol-1', '/dev/loop4'),
    mount('/var/lib/hivemind/volumes/data', '/dev/loop4'),
    mount('/var/lib/hivemind/volumes/shared', '/dev/sda1'),
  ];
  expect(inheritedMounts(mounts, ['/home/u/.hivemind'])).toEqual([
    '/var/lib/hivemind/volumes/shared',
    '/var/lib/hivemind/volumes/data',
    '/var/lib/hivemind/mounts/vol-1',
    '/home/u/.hivemind/storage/disk',
  ]);
});

test('what the machine itself runs from stays, even on a loop device', () => {
  const mounts = [
    mount('/', '/dev/loop0'),
    mount('/home', '/dev/loop1'),
    mount('/snap/core/1', '/dev/loop2', 'squashfs'),
    mount('/var/lib/docker', '/dev/sda2'),
  ];
  expect(inheritedMounts(mounts, ['/home/u/.hivemind'])).toEqual([]);
});

test('each number is a network of its own', () => {
  expect(subnet(0)).toMatchObject({ gateway: '10.99.0.1', address: '10.99.0.2' });
  expect(subnet(255)).toMatchObject({ gateway: '10.99.255.1' });
  expect(subnet(256)).toMatchObject({ gateway: '10.99.0.5', address: '10.99.0.6' });
  const all = Array.from({ length: 256 * 64 }, (_, number) => subnet(number));
  expect(new Set(all.map(({ gateway }) => gateway)).size).toBe(all.length);
  expect(all.every(({ link }) => link.length <= 15)).toBe(true);
});
