import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RepositoryGrant } from '#shared/model/repository.ts';
import { demandRestic } from '#agent/restic/find-restic.ts';
import { runRestic } from '#agent/restic/confined-restic.ts';
import { Repository } from '#agent/restic/repository.ts';
import { openSession, type Session } from '#agent/restic/session.ts';
import { openDisks, sh, treeOf, type Disks } from './support/filesystem.ts';

const MiB = 2 ** 20;

/** A tree with what a backup of files must keep. */
const plant = `
mkdir -p dir/deeper 'with space' ; chmod 0750 . ; chown 1000:1000 .
setfattr -n user.root -v yes . ; setfacl -m u:4242:rx,d:u:4242:rx dir
echo hello >dir/file ; chown 1234:4321 dir/file ; chmod 4711 dir/file
touch -d '2001-02-03 04:05:06.123456789' dir/file
ln dir/file dir/deeper/linked ; ln dir/file third-name
ln -s /etc/passwd absolute ; ln -s ../../.. upward ; ln -s dangling dangling
setfattr -n user.note -v kept third-name ; setfacl -m u:1:r,u:12345:rw third-name
: >empty ; head -c 3000000 /dev/urandom >random ; printf x >"$(printf 'new\\nline')"
mkdir -m 1777 sticky
mkdir .hivemind-unpack ; echo ours >.hivemind-unpack/x
touch -d '1971-12-31 12:00' dir/deeper 'with space' sticky dir ; touch -d '2020-05-05 05:05:05.5' .
`;

let disks: Disks;
let source: string;
let session: Session;
let password = 'first';
let begun = 0;
const stopping = new AbortController();

/** In the cache, which restic sees: a folder in place of S3. */
const url = '/cache/repositories/vol';
const grant = (begin: boolean): Promise<RepositoryGrant> => {
  if (begin) password = `password ${++begun}`;
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  return Promise.resolve({ url, region: 'us-east-1', password, credentials });
};
const open = (signal = stopping.signal): Repository => {
  const places = { root: join(disks.dir, 'root'), cache: join(disks.dir, 'cache') };
  return new Repository({ session, places, stopping: signal, lockedPauseMs: 10 });
};
const backupId = (last: string): string => `bak-0123456789012345678901234${last}`;
const subject = (last: string) => ({
  backupId: backupId(last),
  name: 'data',
  directory: source,
  path: '/data/data',
});

function inside() {
  const repository = join(disks.dir, 'cache', 'repositories', 'vol');
  return {
    places: { root: join(disks.dir, 'root'), cache: join(disks.dir, 'cache') },
    locks: () => readdir(join(repository, 'locks')),
    packs: async () => (await sh(repository, 'find data -type f')).split('\n'),
  };
}

beforeAll(async () => {
  disks = await openDisks();
  for (const folder of ['root', 'cache']) await mkdir(join(disks.dir, folder));
  source = await disks.ext4('source', 64 * MiB);
  await sh(source, plant);
  session = await openSession({ grant });
});
afterAll(async () => {
  await session.close();
  await disks.close();
});

describe('a repository', () => {
  it('is made once, also after a first try that was killed between its key and its config', async () => {
    expect(await open().unlock()).toBe(false);
    for (const _ of ['one', 'two', 'three']) {
      await open().open();
      await sh(disks.dir, `rm cache/repositories/vol/config`);
    }
    await open().open();
    expect(begun).toBe(4);
    await open().open();
    expect(begun).toBe(4);
  });

  it('takes a backup once, however often it is begun', async () => {
    const first = await open().backup(subject('A'));
    expect(first).toMatchObject({ files: 6, notes: [] });
    expect(first.addedBytes).toBeGreaterThan(3_000_000);
    const again = await open().backup(subject('A'));
    expect(again).toMatchObject({ snapshotId: first.snapshotId, at: first.at, files: 6 });
    expect(await open().snapshotsOf(backupId('A'))).toHaveLength(1);
    await sh(source, 'echo more >more');
    const second = await open().backup(subject('B'));
    expect(second).toMatchObject({ files: 7 });
    expect(second.addedBytes).toBeLessThan(100_000);
    await sh(source, `rm more; touch -d '2020-05-05 05:05:05.5' .`);
  });

  it('gives back everything that the files had, under the tags and the host of the documents', async () => {
    const [made] = await open().snapshotsOf(backupId('A'));
    const target = await disks.ext4('target', 64 * MiB);
    const tree = join(target, 'tree');
    await mkdir(tree);
    expect(await open().restore(made?.id ?? '', { directory: tree, path: '/data/data' })).toEqual([]);
    await sh(source, 'rm -r .hivemind-unpack lost+found');
    await sh(source, `touch -d '2020-05-05 05:05:05.5' .`);
    expect(await treeOf(tree)).toEqual(await treeOf(source));
    const { lines } = await runRestic(
      { root: join(disks.dir, 'root'), cache: join(disks.dir, 'cache') },
      {
        args: ['--repo', url, 'snapshots', '--json', made?.id ?? ''],
        password: session.password(),
        environment: session.environment,
        signal: stopping.signal,
      },
    );
    const today = new Date().toISOString().slice(0, 10);
    expect(JSON.parse(lines.join(''))).toMatchObject([
      {
        hostname: 'docker-compose',
        paths: ['/data/data'],
        tags: ['data', today, `hivemind-backup=${backupId('A')}`],
      },
    ]);
  });

  it('leaves devices out of a restore and says so: nothing that it restores may reach a disk', async () => {
    await sh(source, 'mknod dir/disk b 7 0; mkfifo dir/pipe');
    const { snapshotId } = await open().backup(subject('C'));
    const tree = join(disks.dir, 'target', 'devices');
    await mkdir(tree);
    const warnings = await open().restore(snapshotId, { directory: tree, path: '/data/data' });
    expect(warnings).toEqual(['left out, a device: ./dir/disk']);
    expect(await sh(tree, 'cat dir/file; test -p dir/pipe; ! test -e dir/disk')).toBe('hello\n');
    await sh(source, 'rm dir/disk dir/pipe');
  });

  it('forgets a backup and what it alone held; the same again finds nothing, and others stay', async () => {
    const size = async (): Promise<number> =>
      Number((await sh(disks.dir, 'du -sb cache/repositories/vol/data | cut -f1')).trim());
    await sh(source, 'head -c 5000000 /dev/urandom >large');
    const { snapshotId } = await open().backup(subject('D'));
    const before = await size();
    await sh(source, 'rm large');
    await open().forget(backupId('D'), snapshotId);
    await open().forget(backupId('D'), snapshotId);
    expect(await size()).toBeLessThan(before - 4_000_000);
    expect(await open().snapshotsOf(backupId('D'))).toEqual([]);
    expect(await open().snapshotsOf(backupId('A'))).toHaveLength(1);
  });

  it('is not touched under a lock of somebody who lives', async () => {
    const { places, locks, packs } = inside();
    const before = (await packs()).length;
    await sh(source, 'head -c 30000000 /dev/urandom >large');
    const running = open().backup(subject('E'));
    while ((await packs()).length === before) await new Promise(setImmediate);
    await sh('/', `pkill -STOP -P ${process.pid} restic`);
    await new Repository({ session, places, stopping: stopping.signal }).unlock();
    expect(await locks()).not.toEqual([]);
    await sh('/', `pkill -CONT -P ${process.pid} restic`);
    await running;
    expect(await locks()).toEqual([]);
    await sh(source, 'rm large');
  });

  it('ends with the agent that stops; the next one removes its lock, and there is one snapshot', async () => {
    const { locks, packs } = inside();
    const before = (await packs()).length;
    const stop = new AbortController();
    await sh(source, 'head -c 30000000 /dev/urandom >large');
    const running = open(stop.signal).backup(subject('F'));
    const ended = running.catch((error: unknown) => error);
    while ((await packs()).length === before) await new Promise(setImmediate);
    stop.abort(new Error('stopping'));
    expect(String(await ended)).toContain('stopping');
    await open().open();
    expect(await locks()).toEqual([]);
    expect((await open().backup(subject('F'))).files).toBe(7);
    expect(await open().snapshotsOf(backupId('F'))).toHaveLength(1);
  });

  it('says restic’s own words when it cannot, and never its password', async () => {
    const wrong = await openSession({ grant: async () => ({ ...(await grant(false)), password: 'wrong' }) });
    const places = { root: join(disks.dir, 'root'), cache: join(disks.dir, 'cache') };
    const error: unknown = await new Repository({ session: wrong, places, stopping: stopping.signal })
      .open()
      .catch((reason: unknown) => reason);
    await wrong.close();
    expect(String(error)).toContain('wrong password');
    expect(String(error)).not.toContain('password wrong');
  });
});

describe('restic', () => {
  it('that is missing is answered with the command that installs it', async () => {
    await sh(disks.dir, `printf 'NAME=x\\nID=ubuntu\\nID_LIKE=debian\\n' >os-release; mkdir none`);
    const missing = demandRestic({
      folders: [join(disks.dir, 'none')],
      osRelease: join(disks.dir, 'os-release'),
    });
    await expect(missing).rejects.toMatchObject({
      code: 'NotSupported',
      message: expect.stringContaining('apt-get install -y restic'),
    });
    await demandRestic();
  });
});
