import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { ListedEntry } from '#shared/model/extract.ts';
import type { Volume } from '#shared/model/volume.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';

/** Recovery points of network volumes in the whole product: every call is allowed by the functions' own roles. */
let cloud: TestCloud;
let host: TestHost;

beforeAll(async () => {
  cloud = joinCloud();
  host = await cloud.addHost(cloud.unique('rp'));
});
afterAll(async () => {
  await cloud.close();
});

const checksums = 'cd /data && find . -type f | sort | xargs sha256sum';
const write =
  'mkdir -p /data/dir && head -c 300000 /dev/urandom >/data/dir/blob && echo kept >/data/file && sync';
const backupsOf = (volume: string) => cloud.hivemindJson<Backup[]>('backup', 'ls', '--volume', volume);

/** A network volume with files that a container wrote; their checksums. */
async function written(name: string): Promise<string> {
  await cloud.hivemind('volume', 'create', name, '--type', 'network', '--wait');
  await host.once(name, 'sh', '-c', write);
  return host.once(name, 'sh', '-c', checksums);
}

/** Names and a file of the backup; what is restored for that is gone afterwards. */
async function browsed(id: string): Promise<void> {
  const root = await cloud.hivemindJson<ListedEntry[]>('backup', 'browse', id);
  expect(root.map(({ path, kind }) => [path, kind])).toEqual([
    ['dir', 'directory'],
    ['file', 'file'],
  ]);
  const folder = await mkdtemp(join(tmpdir(), 'extracted-'));
  await cloud.hivemind('backup', 'extract', id, 'file', '--output', folder);
  expect(await readFile(join(folder, 'file'), 'utf8')).toBe('kept\n');
  await rm(folder, { recursive: true });
  expect(host.mounts().filter((mount) => mount.includes('/verify/'))).toEqual([]);
}

describe('a network volume', () => {
  it('is backed up, deleted with its storage, and restored with the same files', async () => {
    const name = cloud.unique('net');
    const before = await written(name);
    const backup = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
    expect(backup).toMatchObject({ state: 'available', kind: 'recovery-point', pointInTime: false });
    expect(await cloud.hivemind('backup', 'inspect', backup.id)).toContain('not a point in time');
    await browsed(backup.id);
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
    const deleted = () => cloud.hivemindJson<Volume[]>('volume', 'ls', '--deleted');
    await until(
      'its storage is freed',
      async () => (await deleted()).some((one) => one.name === name && one.state === 'purged'),
      { within: 120_000 },
    );

    const copy = cloud.unique('copy');
    await cloud.hivemind('volume', 'restore', copy, '--backup', backup.id, '--wait');
    const volume = await cloud.hivemindJson<Volume>('volume', 'inspect', copy);
    const path = volume.storage?.kind === 'efs' ? volume.storage.path : '';
    expect(path).toMatch(/^\/aws-backup-restore_[^/]+\/volumes\/vol-/);
    expect(await host.once(copy, 'sh', '-c', checksums)).toBe(before);
    await host.once(copy, 'sh', '-c', 'echo more >/data/more');

    await cloud.hivemind('volume', 'delete', copy, '--purge', '--yes', '--wait');
    await cloud.hivemind('backup', 'delete', backup.id, '--yes');
    expect(await backupsOf(name)).toEqual([]);
    await until(
      'nothing of both is left',
      async () => (await deleted()).every((one) => one.name !== name && one.name !== copy),
      { within: 120_000 },
    );
  });

  it('that nothing was ever written to is refused', async () => {
    const name = cloud.unique('blank');
    await cloud.hivemind('volume', 'create', name, '--type', 'network', '--wait');
    const refused = await cloud.attemptHivemind(['volume', 'backup', name]);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain('nothing was ever written');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  });
});
