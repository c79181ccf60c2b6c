import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { Operation } from '#shared/model/operation.ts';
import type { Volume } from '#shared/model/volume.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';

/** Local volumes restored under their own name, in the whole product: in place of what they hold, or made again. */
let cloud: TestCloud;
let a: TestHost;
let b: TestHost;

beforeAll(async () => {
  cloud = joinCloud();
  a = await cloud.addHost(cloud.unique('ra'));
  b = await cloud.addHost(cloud.unique('rb'));
});
afterAll(async () => {
  await cloud.close();
});

const backUp = (volume: string) => cloud.hivemindJson<Backup>('volume', 'backup', volume, '--wait');
const inspect = (volume: string) => cloud.hivemindJson<Volume>('volume', 'inspect', volume);
const write = (host: TestHost, volume: string, text: string) =>
  host.once(volume, 'sh', '-c', `echo ${text} >/data/file; sync`);
const read = (host: TestHost, volume: string) => host.once(volume, 'cat', '/data/file');

describe('a restore in place', () => {
  it('is refused while a container uses the volume, and with force comes after it', async () => {
    const name = cloud.unique('place');
    await write(a, name, 'first');
    const backup = await backUp(name);
    await a.container('app', name, 'sh', '-c', 'echo second >/data/file; sync; exec sleep 3600');
    await until(
      'it has written',
      async () => (await a.docker('exec', 'app', 'cat', '/data/file')) === 'second',
    );
    const restore = ['volume', 'restore', '--name', name, '--backup', backup.id];
    const unasked = await cloud.attemptHivemind(restore);
    expect(unasked).toMatchObject({ exitCode: 2 });
    await until('it is refused with who uses it', async () => {
      const { exitCode, stderr } = await cloud.attemptHivemind([...restore, '--yes']);
      expect(exitCode).toBe(4);
      return stderr.includes(a.instanceId) && stderr.includes('containers app');
    });
    const before = await inspect(name);

    const begun = await cloud.hivemindJson<Operation>(...restore, '--yes', '--force', '--no-wait');
    expect(begun).toMatchObject({ kind: 'restore', backup: backup.id });
    expect((await inspect(name)).state).toBe('restoring');
    expect(await a.docker('exec', 'app', 'cat', '/data/file')).toBe('second');
    const twice = await cloud.attemptHivemind([...restore, '--yes', '--force']);
    expect(twice.stderr).toContain('restoring');
    await a.docker('rm', '--force', 'app');
    await cloud.hivemind('operation', 'wait', begun.id);

    const after = await inspect(name);
    expect(after).toMatchObject({ id: before.id, state: 'available', hosts: [] });
    expect(after.storage).not.toEqual(before.storage);
    expect(await read(b, name)).toBe('first');
    const guard = await cloud.hivemindJson<Backup>('backup', 'inspect', begun.guard ?? '');
    expect(guard).toMatchObject({ state: 'available', origin: 'guard', volume: name });
    const ours = (await cloud.storage.volumes()).map(({ id }) => id);
    expect(ours).not.toContain(before.storage?.kind === 'ebs' ? before.storage.volumeId : '');

    // And back again: the guard is an ordinary backup.
    await cloud.hivemind('volume', 'restore', name, '--backup', guard.id, '--yes', '--wait');
    expect(await read(a, name)).toBe('second');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  });
});

describe('a restore in place of a network volume', () => {
  it('exchanges its files, and what it held can be brought back', async () => {
    const name = cloud.unique('net-place');
    await cloud.hivemind('volume', 'create', name, '--type', 'network', '--wait');
    await write(a, name, 'first');
    const backup = await backUp(name);
    await write(b, name, 'second');
    const done = await cloud.hivemind('volume', 'restore', name, '--backup', backup.id, '--yes', '--wait');
    expect(done).toContain(`hivemind volume undelete ${name} --id vol-`);
    expect(await read(a, name)).toBe('first');
    const old = cloud.unique('net-before');
    await cloud.hivemind('volume', 'undelete', name, '--as', old);
    expect(await read(b, old)).toBe('second');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
    await cloud.hivemind('volume', 'delete', old, '--purge', '--yes', '--wait');
    await cloud.hivemind('backup', 'delete', backup.id, '--yes');
  });
});

describe('a volume that is gone', () => {
  it('is made again under its name, with what it was', async () => {
    const name = cloud.unique('gone');
    const wanted = [
      '--size',
      '2G',
      '--labels',
      'team=storage',
      '--filesystem',
      'xfs',
      '--zone',
      'us-east-1a',
    ];
    await cloud.hivemind('volume', 'create', name, ...wanted, '--wait');
    await write(a, name, 'kept');
    const before = await inspect(name);
    const backup = await backUp(name);
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
    await cloud.hivemind('volume', 'restore', '--name', name, '--backup', backup.id, '--wait');
    const { type, sizeBytes, labels, options, filesystem, owner } = before;
    expect(await inspect(name)).toMatchObject({ type, sizeBytes, labels, options, filesystem, owner });
    expect(await read(b, name)).toBe('kept');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  });
});
