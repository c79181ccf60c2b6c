import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapLimit } from '#shared/model/map-limit.ts';
import { tagKeys } from '#shared/model/tags.ts';
import type { Volume } from '#shared/model/volume.ts';
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

/** Volumes that the host has mounted. Elsewhere under its root the host may be at work for volumes of other tests. */
const mountsOf = (): string[] => host.mounts().filter((line) => line.includes(' /var/lib/hivemind/volumes/'));

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

/** What EC2 has for a volume of ours, by the tag with its id. */
async function inEc2(
  volumeId: string,
): Promise<{ volumes: string[]; snapshots: string[]; states: string[] }> {
  const isOurs = ({ tags }: { readonly tags: readonly { Key: string; Value: string }[] }): boolean =>
    tags.some(({ Key, Value }) => Key === tagKeys.volumeId && Value === volumeId);
  const snapshots = (await cloud.storage.snapshots()).filter(isOurs);
  return {
    volumes: (await cloud.storage.volumes()).filter(isOurs).map(({ id }) => id),
    snapshots: snapshots.map(({ id }) => id),
    states: snapshots.map(({ state }) => state),
  };
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

test('20 volumes that are made, mounted and removed at once leave a tombstone and one final backup each', async () => {
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
  const tombstones = async (): Promise<Volume[]> =>
    (await cloud.hivemindJson<Volume[]>('volume', 'ls', '--deleted')).filter(({ name }) =>
      names.includes(name),
    );
  const deleted = await until('each has its final backup', async () => {
    const seen = await tombstones();
    return seen.every(({ finalBackup, operation }) => finalBackup && operation === undefined)
      ? seen
      : undefined;
  });
  expect(deleted.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  for (const { id, storage } of deleted) {
    const left = await inEc2(id);
    expect(left.volumes).toEqual([storage?.kind === 'ebs' ? storage.volumeId : '']);
    expect(left.states).toEqual(['completed']);
  }
  expect(JSON.parse(await cloud.hivemind('volume', 'ls', '--json'))).toEqual(
    expect.not.arrayContaining(names.map((name) => expect.objectContaining({ name }) as unknown)),
  );
});

test('a volume that is purged leaves nothing at all in EC2', async () => {
  const before = loopDevices();
  const name = cloud.unique('purged');
  await cloud.hivemind('volume', 'create', name, '--size', '1G');
  await host.once(name, 'true');
  const { id } = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
  expect((await inEc2(id)).volumes).toHaveLength(1);
  await cloud.hivemind('volume', 'delete', name, '-y', '--purge');
  await until('its EBS volume is gone', async () => (await inEc2(id)).volumes.length === 0);
  expect(await inEc2(id)).toEqual({ volumes: [], snapshots: [], states: [] });
  await until('its device is gone', () => loopDevices().every((device) => before.includes(device)));
  const deleted = await cloud.hivemind('volume', 'ls', '--deleted', '--json');
  expect(deleted).not.toContain(name);
});
