import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { Operation } from '#shared/model/operation.ts';
import type { Volume } from '#shared/model/volume.ts';
import { until } from '#test/support/until.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';

/** Drills in the whole product: a backup made under a freeze, its manifest in the bucket, the copy looked into by a host. */
let cloud: TestCloud;
let host: TestHost;

beforeAll(async () => {
  cloud = joinCloud();
  host = await cloud.addHost(cloud.unique('dr'));
});
afterAll(async () => {
  await cloud.close();
});

/** Volumes in EC2 that drills have made. */
async function scratches(): Promise<string[]> {
  const volumes = await cloud.storage.volumes();
  return volumes.filter((volume) => JSON.stringify(volume).includes('/drill-')).map(({ id }) => id);
}

const inspect = (backup: string) => cloud.hivemindJson<Backup>('backup', 'inspect', backup);

/** A backup, made while a container writes, and its manifest. */
async function backedUp(name: string): Promise<Backup> {
  await host.container(
    name,
    name,
    'sh',
    '-c',
    'for n in $(seq 50); do echo $n >/data/f$n; done; sync; while :; do date >>/data/log; sleep 0.1; done',
  );
  await until(
    'it has written',
    async () => (await host.attempt(['docker', 'exec', name, 'test', '-s', '/data/log'])).exitCode === 0,
  );
  const { id } = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
  return until('the manifest is on the backup', async () => {
    const backup = await inspect(id);
    return backup.manifest === undefined ? undefined : backup;
  });
}

async function away(name: string): Promise<void> {
  await host.docker('rm', '--force', name);
  await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
}

describe('a drill', () => {
  it('passes, while the volume is written to, and leaves no scratch volume', async () => {
    const name = cloud.unique('drilled');
    const { id, manifest } = await backedUp(name);
    expect(manifest?.hashed).toBeGreaterThanOrEqual(50);
    const check = 'test "$(cat f50)" = 50';
    const { drill } = await cloud.hivemindJson<Backup>('backup', 'drill', id, '--check', check, '--wait');
    expect(drill).toMatchObject({
      outcome: 'passed',
      report: { manifest: true, mark: true, wrong: 0, filesystemCheck: { clean: true }, check: { code: 0 } },
    });
    expect(drill?.restoreSeconds).toBeGreaterThan(0);
    expect(await scratches()).toEqual([]);
    expect(host.mounts().filter((mount) => mount.includes('/verify/'))).toEqual([]);
    const { lastBackup, lastVerified } = await cloud.hivemindJson<Volume>('volume', 'inspect', name);
    expect(lastBackup?.id).toBe(id);
    expect(lastVerified).toMatchObject({ id, at: drill?.at });
    const shown = await cloud.hivemind('volume', 'inspect', name);
    expect(shown).toMatch(/Last backup: .*\nLast verified: .*restored in \d+ s/);
    await away(name);
  });

  it('whose check does not pass has failed, and leaves no scratch volume', async () => {
    const name = cloud.unique('failing');
    const { id } = await backedUp(name);
    const failed = await cloud.attemptHivemind([
      'backup',
      'drill',
      id,
      '--check',
      'echo no such row; exit 3',
      '--wait',
    ]);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain('no such row');
    const { drill, verified } = await inspect(id);
    expect(drill).toMatchObject({ outcome: 'failed', report: { check: { code: 3 } } });
    expect(verified).toBeUndefined();
    expect(await scratches()).toEqual([]);
    await away(name);
  });

  it('whose agent dies in it goes on when that is back, and leaves no scratch volume', async () => {
    const name = cloud.unique('dying');
    const { id } = await backedUp(name);
    const begun = await cloud.hivemindJson<Operation>(
      'backup',
      'drill',
      id,
      '--check',
      'sleep 20',
      '--no-wait',
    );
    await until(
      'the copy is mounted',
      () => Promise.resolve(host.mounts().some((mount) => mount.includes('/verify/'))),
      { within: 180_000 },
    );
    await host.killAgent();
    await host.revive();
    expect(await cloud.attemptHivemind(['operation', 'wait', begun.id])).toMatchObject({ exitCode: 0 });
    expect((await inspect(id)).drill?.outcome).toBe('passed');
    expect(await scratches()).toEqual([]);
    await away(name);
  });
});
