import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { ListedEntry } from '#shared/model/extract.ts';
import type { Operation } from '#shared/model/operation.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';
import { scratchVolumes } from './harness/scratch-volumes.ts';

/** Snapshots of local volumes in the whole product: frozen by the host that writes, restored, held, removed. */
let cloud: TestCloud;
let a: TestHost;
let b: TestHost;

beforeAll(async () => {
  cloud = joinCloud();
  a = await cloud.addHost(cloud.unique('ba'));
  b = await cloud.addHost(cloud.unique('bb'));
});
afterAll(async () => {
  await cloud.close();
});

const backupsOf = (volume: string) => cloud.hivemindJson<Backup[]>('backup', 'ls', '--volume', volume);

describe('a backup', () => {
  it('of what a container writes to is frozen for the cut, and restores on another host', async () => {
    const name = cloud.unique('frozen');
    await cloud.hivemind('volume', 'create', name, '--size', '1G', '--zone', 'us-east-1a', '--wait');
    await a.container('writer', name, 'sh', '-c', 'while :; do date +%s%N >>/data/log; done');
    await until(
      'it writes',
      async () => Number(await a.docker('exec', 'writer', 'sh', '-c', 'wc -l </data/log')) > 20,
    );
    const backup = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
    expect(backup).toMatchObject({ state: 'available', kind: 'snapshot', consistency: 'freeze' });
    expect(backup.frozenMs).toBeGreaterThan(0);
    const before = Number(await a.docker('exec', 'writer', 'sh', '-c', 'wc -l </data/log'));
    await until(
      'it goes on writing',
      async () => Number(await a.docker('exec', 'writer', 'sh', '-c', 'wc -l </data/log')) > before,
    );
    const copy = cloud.unique('copy');
    await cloud.hivemind('volume', 'restore', copy, '--backup', backup.id, '--wait');
    const lines = Number(await b.once(copy, 'sh', '-c', 'wc -l </data/log'));
    expect(lines).toBeGreaterThan(20);
    expect(lines).toBeLessThanOrEqual(before);
    await a.docker('rm', '--force', 'writer');
    await cloud.hivemind('volume', 'delete', copy, '--purge', '--yes', '--force', '--wait');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
    expect((await backupsOf(name)).map(({ id }) => id)).toEqual([backup.id]);
  });

  it('is browsed, and gives out single files and directories, while its volume is in use', async () => {
    const name = cloud.unique('browsed');
    const write =
      'mkdir /data/db; echo rows >/data/db/data.sql; ln -s /etc/passwd /data/link; sync; sleep infinity';
    await a.container('browsed', name, 'sh', '-c', write);
    await until(
      'it has written',
      async () => (await a.attempt(['docker', 'exec', 'browsed', 'test', '-L', '/data/link'])).exitCode === 0,
    );
    const { id } = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
    const root = await cloud.hivemindJson<ListedEntry[]>('backup', 'browse', id);
    expect(root.map(({ path, kind, target }) => [path, kind, target])).toEqual([
      ['db', 'directory', undefined],
      ['link', 'symlink', '/etc/passwd'],
    ]);
    const folder = await mkdtemp(join(tmpdir(), 'extracted-'));
    await cloud.hivemind('backup', 'extract', id, 'db/data.sql', '--output', folder);
    expect(await readFile(join(folder, 'data.sql'), 'utf8')).toBe('rows\n');
    await cloud.hivemind('backup', 'extract', id, 'db', '--output', folder);
    const listed = execFileSync('tar', ['-tzf', join(folder, 'db.tar.gz')], { encoding: 'utf8' });
    expect(listed.trim().split('\n')).toEqual(['./', './data.sql']);
    const refused = await cloud.attemptHivemind(['backup', 'extract', id, 'link', '--output', folder]);
    expect(refused.exitCode).toBe(5);
    expect(refused.stderr).toContain('links are not followed');
    expect(await readdir(folder)).toEqual(['data.sql', 'db.tar.gz']);
    await rm(folder, { recursive: true });
    expect(await scratchVolumes(cloud, 'browse', 'extract')).toEqual([]);
    expect(a.mounts().filter((mount) => mount.includes('/verify/'))).toEqual([]);
    await a.docker('rm', '--force', 'browsed');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
  });

  it('with hooks has them run in the container that uses the volume, around its cut', async () => {
    const name = cloud.unique('hooked');
    await a.container('hooked', name, 'sleep', 'infinity');
    const trace = (word: string) => `echo ${word} >>/data/trace`;
    const hooks = ['--pre-hook', trace('before'), '--post-hook', trace('after')];
    const backup = await cloud.hivemindJson<Backup>('volume', 'backup', name, ...hooks, '--wait');
    expect(backup).toMatchObject({ state: 'available', consistency: 'hooks' });
    expect(backup.frozenMs).toBeGreaterThan(0);
    expect(backup.hookRuns).toMatchObject([
      { when: 'before', container: 'hooked', ok: true, code: 0 },
      { when: 'after', container: 'hooked', ok: true, code: 0 },
    ]);
    expect((await a.docker('exec', 'hooked', 'cat', '/data/trace')).trim()).toBe('before\nafter');
    const folder = await mkdtemp(join(tmpdir(), 'hooked-'));
    await cloud.hivemind('backup', 'extract', backup.id, 'trace', '--output', folder);
    expect(await readFile(join(folder, 'trace'), 'utf8')).toBe('before\n');
    await rm(folder, { recursive: true });
    // Kept with the volume; one that fails keeps the backup from being made.
    await cloud.hivemind('volume', 'update', name, '--pre-hook', 'echo no lock; exit 3');
    const failed = await cloud.attemptHivemind(['volume', 'backup', name, '--wait']);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/exit code 3.*no lock/s);
    await a.docker('rm', '--force', 'hooked');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
  });

  it('under a hold stays, and is removed with its snapshot after it', async () => {
    const name = cloud.unique('held');
    await a.once(name, 'sh', '-c', 'echo kept >/data/file; sync');
    const { id, storage } = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
    await cloud.hivemind('backup', 'hold', id, '--reason', 'audit');
    const refused = await cloud.attemptHivemind(['backup', 'delete', id, '--yes']);
    expect(refused.exitCode).toBe(5);
    expect(refused.stderr).toContain('audit');
    await cloud.hivemind('backup', 'release', id);
    await cloud.hivemind('backup', 'delete', id, '--yes');
    expect(await backupsOf(name)).toEqual([]);
    const snapshots = (await cloud.storage.snapshots()).map(({ id: snapshot }) => snapshot);
    expect(snapshots).not.toContain(storage?.kind === 'snapshot' ? storage.snapshotId : '');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--wait');
  });

  it('whose host does not answer fails in the end, and the volume is thawed', async () => {
    const name = cloud.unique('silent');
    await a.container('silent', name, 'sleep', 'infinity');
    await a.killAgent();
    const begun = await cloud.hivemindJson<Operation>('volume', 'backup', name, '--no-wait');
    await a.revive();
    const waited = await cloud.attemptHivemind(['operation', 'wait', begun.id, '--json']);
    expect(waited).toMatchObject({ exitCode: 0 });
    await a.docker('exec', 'silent', 'sh', '-c', 'echo thawed >/data/file');
    await a.docker('rm', '--force', 'silent');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
  });
});
