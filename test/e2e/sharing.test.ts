import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapLimit } from '#shared/model/map-limit.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';

/** Several containers on one volume, and many volumes at once. */
const cloud = joinCloud();
let host: TestHost;

beforeAll(async () => {
  host = await cloud.addHost('share');
});

afterAll(() => cloud.close());

const mountsOf = (): string[] => host.mounts().filter((line) => line.includes(' /var/lib/hivemind/'));

/** Loop devices over images of this cloud. */
function loopDevices(): string[] {
  return readdirSync('/sys/block').filter((name) => {
    if (!name.startsWith('loop')) return false;
    try {
      return readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').startsWith(cloud.file.home);
    } catch {
      return false; // Not bound to anything.
    }
  });
}

test('two containers share a volume, and the last one out unmounts', async () => {
  const volume = cloud.unique('shared');
  const [first, second] = [`${volume}-1`, `${volume}-2`];
  await cloud.hivemind('volume', 'create', volume, '--size', '1G');
  await host.container(first, volume, 'sleep', '3600');
  await host.container(second, volume, 'sleep', '3600');
  await host.docker('exec', first, 'sh', '-c', 'echo hello >/data/x');
  expect(await host.docker('exec', second, 'cat', '/data/x')).toBe('hello');
  await host.docker('rm', '-f', first);
  expect(mountsOf()).not.toEqual([]);
  expect(await host.docker('exec', second, 'cat', '/data/x')).toBe('hello');
  await host.docker('rm', '-f', second);
  expect(mountsOf()).toEqual([]);
  await host.docker('volume', 'rm', volume);
});

test('20 volumes that are made, mounted and removed at once leave nothing behind', async () => {
  const before = loopDevices();
  const names = Array.from({ length: 20 }, () => cloud.unique('many'));
  await mapLimit(names, 20, async (name) => {
    await host.docker('volume', 'create', '--driver', 'hivemind', '-o', 'size=100M', name);
    expect(await host.once(name, 'sh', '-c', `echo ${name} >/data/x; cat /data/x`)).toBe(name);
    await host.docker('volume', 'rm', name);
  });
  expect(mountsOf()).toEqual([]);
  await until('no device is left', () => loopDevices().length <= before.length);
  const attached = await cloud.storage.attachments();
  expect(attached.filter(({ instanceId }) => instanceId === host.instanceId)).toEqual([]);
  const deleted = JSON.parse(await cloud.hivemind('volume', 'ls', '--deleted', '--json')) as {
    name: string;
  }[];
  expect(deleted.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  expect(JSON.parse(await cloud.hivemind('volume', 'ls', '--json'))).toEqual(
    expect.not.arrayContaining(names.map((name) => expect.objectContaining({ name }) as unknown)),
  );
});

test('a volume that is purged leaves nothing at all in EC2', async () => {
  const name = cloud.unique('purged');
  await cloud.hivemind('volume', 'create', name, '--size', '1G');
  await host.once(name, 'true');
  const held = (await cloud.storage.volumes()).map(({ id }) => id);
  await cloud.hivemind('volume', 'delete', name, '-y', '--purge');
  await until('its EBS volume is gone', async () => (await cloud.storage.volumes()).length < held.length);
  const deleted = await cloud.hivemind('volume', 'ls', '--deleted', '--json');
  expect(deleted).not.toContain(name);
});
