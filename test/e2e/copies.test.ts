import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backup } from '#shared/model/backup.ts';
import type { PolicyRun } from '#shared/model/policy.ts';
import { joinCloud } from './harness/cloud.ts';
import type { TestCloud } from './harness/cloud.ts';
import type { TestHost } from './harness/host.ts';

/** Backups copied to another Region and back in the whole product: CLI, API, state machines, edge with IAM, storage service. */
let cloud: TestCloud;
let a: TestHost;
const abroad = 'eu-west-1';

beforeAll(async () => {
  cloud = joinCloud();
  a = await cloud.addHost(cloud.unique('ca'));
});
afterAll(async () => {
  await cloud.close();
});

const backupsOf = (volume: string) => cloud.hivemindJson<Backup[]>('backup', 'ls', '--volume', volume);
const snapshotOf = ({ storage }: Backup): string => (storage?.kind === 'snapshot' ? storage.snapshotId : '');

describe('a copy in another Region', () => {
  it('is all that is left of a volume, and brings its data back', async () => {
    const name = cloud.unique('copied');
    await a.once(name, 'sh', '-c', 'echo kept >/data/file; sync');
    const backup = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
    const copy = await cloud.hivemindJson<Backup>('backup', 'copy', backup.id, '--region', abroad, '--wait');
    expect(copy).toMatchObject({
      state: 'available',
      origin: 'copy',
      region: abroad,
      copyOf: backup.id,
      cutAt: backup.cutAt,
    });
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
    await cloud.hivemind('backup', 'delete', backup.id, '--yes', '--wait');
    expect((await backupsOf(name)).map(({ id }) => id)).toEqual([copy.id]);

    const refused = await cloud.attemptHivemind(['volume', 'restore', name, '--backup', copy.id]);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(`hivemind backup copy ${copy.id} --region us-east-1`);
    const back = await cloud.hivemindJson<Backup>(
      'backup',
      'copy',
      copy.id,
      '--region',
      'us-east-1',
      '--wait',
    );
    await cloud.hivemind('volume', 'restore', name, '--backup', back.id, '--wait');
    expect(await a.once(name, 'cat', '/data/file')).toContain('kept');

    for (const id of [copy.id, back.id]) await cloud.hivemind('backup', 'delete', id, '--yes', '--wait');
    const snapshots = (await cloud.storage.snapshots()).map(({ id }) => id);
    expect(snapshots.filter((id) => [copy, back].map(snapshotOf).includes(id))).toEqual([]);
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
  });

  it('of a network volume is made by AWS Backup, and brings its files back', async () => {
    const name = cloud.unique('netcopy');
    await cloud.hivemind('volume', 'create', name, '--type', 'network', '--wait');
    await a.once(name, 'sh', '-c', 'mkdir /data/dir && echo kept >/data/dir/file; sync');
    const backup = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
    const copyTo = (id: string, region: string) =>
      cloud.hivemindJson<Backup>('backup', 'copy', id, '--region', region, '--wait');
    const copy = await copyTo(backup.id, abroad);
    expect(copy).toMatchObject({ kind: 'recovery-point', region: abroad, copyOf: backup.id });
    await cloud.hivemind('backup', 'delete', backup.id, '--yes', '--wait');
    const back = await copyTo(copy.id, 'us-east-1');
    const restored = cloud.unique('netback');
    await cloud.hivemind('volume', 'restore', restored, '--backup', back.id, '--wait');
    expect(await a.once(restored, 'cat', '/data/dir/file')).toContain('kept');
    for (const id of [copy.id, back.id]) await cloud.hivemind('backup', 'delete', id, '--yes', '--wait');
    for (const one of [name, restored])
      await cloud.hivemind('volume', 'delete', one, '--purge', '--yes', '--force', '--wait');
  });

  it('is refused where the deployment has no key', async () => {
    const name = cloud.unique('nokey');
    await a.once(name, 'sh', '-c', 'echo kept >/data/file; sync');
    const { id } = await cloud.hivemindJson<Backup>('volume', 'backup', name, '--wait');
    const refused = await cloud.attemptHivemind(['backup', 'copy', id, '--region', 'sa-east-1']);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(`${abroad}, us-east-1`);
    expect(refused.stderr).toContain('hivemind:copyKeys');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
    await cloud.hivemind('backup', 'delete', id, '--yes', '--wait');
  });

  it('is made by a policy of each of its backups', async () => {
    const [name, policy] = [cloud.unique('nightly'), cloud.unique('nightly')];
    await a.once(name, 'sh', '-c', 'echo kept >/data/file; sync');
    await cloud.hivemind('volume', 'update', name, '--label-add', `${policy}=yes`);
    const settings = ['--schedule', '0 2 * * *', '--selector', `${policy}=yes`, '--copy-to', abroad];
    await cloud.hivemind('backup', 'policy', 'create', policy, ...settings, '--keep-last', '2');
    const run = await cloud.hivemindJson<PolicyRun>('backup', 'policy', 'run', policy, '--wait');
    expect(run).toMatchObject({ state: 'succeeded', counts: { made: 1, failed: 0 } });
    const backups = await backupsOf(name);
    const shown = backups.map(({ region, origin, state }) => `${origin} in ${region}: ${state}`);
    expect(new Set(shown)).toEqual(
      new Set([`copy in ${abroad}: available`, 'policy in us-east-1: available']),
    );
    await cloud.hivemind('backup', 'policy', 'delete', policy, '--yes');
    await cloud.hivemind('volume', 'delete', name, '--purge', '--yes', '--force', '--wait');
    for (const { id } of backups) await cloud.hivemind('backup', 'delete', id, '--yes', '--wait');
  });
});
