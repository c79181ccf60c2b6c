import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RepositoryGrant } from '#shared/model/repository.ts';
import { silentLog } from '#agent/log.ts';
import { Repository } from '#agent/restic/repository.ts';
import { openSession, type Session } from '#agent/restic/session.ts';
import { directoriesOf, type Inodes } from '#agent/verify/archived.ts';
import { readManifest, writeManifest } from '#agent/verify/manifest.ts';
import { clearScratch, withScratch } from '#agent/verify/scratch.ts';
import { verifyArchive, type VerifyArchiveRequest } from '#agent/verify/verify-archive.ts';
import { exec, openDisks, sh, type Disks } from './support/filesystem.ts';

const MiB = 2 ** 20;

/** Everything that a manifest may trip over; and what no archive has. */
const plant = `
mkdir -p dir/deeper other empty; echo hello >dir/file; chown 1234:4321 dir/file; chmod 4711 dir/file
ln dir/file dir/deeper/linked; ln -s ../file dir/deeper/link; ln -s dangling dangling
head -c 2000000 /dev/urandom >dir/random; : >none; printf x >"$(printf 'not\\xffutf8')"; mkfifo pipe
touch -d '2001-02-03 04:05:06.123456789' dir/file; echo two >other/file; mknod disk b 7 0
mkdir .hivemind-unpack; echo ours >.hivemind-unpack/x
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
`;
/** Of those: without the root, the device, the socket, and what is ours. */
const planted = { entries: 13, hashed: 6 };

let disks: Disks;
let session: Session;
let sources = 0;
const stopping = new AbortController();

/** In the cache, which restic sees: a folder in place of S3. */
const url = '/cache/repositories/vol';
const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
const grant = (): Promise<RepositoryGrant> =>
  Promise.resolve({ url, region: 'us-east-1', password: 'p', credentials });
const cache = (): string => join(disks.dir, 'cache');
const drills = (): string => join(disks.dir, 'drills');
const open = (): Repository =>
  new Repository({
    session,
    places: { root: join(disks.dir, 'root'), cache: cache() },
    stopping: stopping.signal,
    lockedPauseMs: 10,
  });

beforeAll(async () => {
  disks = await openDisks();
  for (const folder of ['root', 'cache']) await mkdir(join(disks.dir, folder));
  session = await openSession({ grant });
  await open().open();
});
afterAll(async () => {
  await session.close();
  await disks.close();
});

/** A new volume's directory, with what is planted and nothing else. */
async function newSource(): Promise<string> {
  const source = join(disks.dir, `source-${++sources}`);
  await mkdir(source);
  await sh(source, plant);
  return source;
}

interface Archived {
  readonly backupId: string;
  readonly snapshotId: string;
}

async function archive(directory: string): Promise<Archived> {
  const backupId = `bak-${String(++sources).padStart(26, '0')}`;
  const { snapshotId } = await open().backup({ backupId, name: 'data', directory, path: '/data/data' });
  return { backupId, snapshotId };
}

interface Seen {
  readonly before?: Inodes;
  /** Milliseconds since 1970. */
  readonly cut?: number;
}

/** Of a volume as it is now; what is older than the cut counts as settled. */
async function manifestOf(root: string, { snapshotId }: Archived, seen: Seen = {}) {
  const file = join(disks.dir, `manifest-${++sources}`);
  // Without a cut all of it is settled: the clock of the filesystem is a little behind.
  const { before = new Map<never, never>(), cut = Date.now() + 1_000 } = seen;
  const [files, frozenAt] = [{ snapshotId, before }, new Date(cut)];
  const made = await writeManifest({ operationId: 'op', volumeId: 'vol', root, frozenAt, files }, file);
  return { made, manifest: await readManifest(file, made.sha256) };
}

const drill = (archived: Archived, parts: Partial<VerifyArchiveRequest> = {}) =>
  withScratch(
    { exec, drills: drills() },
    { operationId: 'op-drill', files: 10, sizeBytes: 3_000_000 },
    (directory) =>
      verifyArchive(open(), {
        ...archived,
        path: '/data/data',
        directory,
        manifest: undefined,
        check: undefined,
        patienceMs: 60_000,
        stopping: stopping.signal,
        ...parts,
      }),
  );

const inDrills = (): Promise<string[]> => readdir(drills());

describe('a drill of an archive', () => {
  it('passes where every file is as it was, and leaves nothing behind', async () => {
    const source = await newSource();
    const archived = await archive(source);
    const { made, manifest } = await manifestOf(source, archived);
    expect(made).toMatchObject(planted);
    const check = { command: 'cat dir/deeper/linked; test ! -e disk', timeoutMs: 10_000 };
    const report = await drill(archived, { manifest, check });
    expect(report).toMatchObject({
      outcome: 'passed',
      archive: true,
      manifest: true,
      mismatches: [],
      compared: planted.entries,
      hashed: planted.hashed,
      check: { code: 0, output: 'hello' },
      filesystemCheck: { clean: true, output: expect.stringContaining('no errors were found') },
    });
    expect(report.mountSeconds).toBeGreaterThan(0);
    expect(await inDrills()).toEqual([]);
    expect((await readdir(cache())).filter((name) => name.includes('check-cache'))).toEqual([]);
  });

  it('fails where a file is missing, has other contents, or another owner', async () => {
    const source = await newSource();
    const other = join(disks.dir, `other-${++sources}`);
    const change = `rm dir/random; printf HELLO\\\\n >dir/file; chmod 4711 dir/file; chown 1:1 other/file
      touch -d '2001-02-03 04:05:06.123456789' dir/file; touch -r ${source}/dir dir`;
    await sh(disks.dir, `cp -a ${source} ${other}; cd ${other}; ${change}`);
    const archived = await archive(other);
    const { manifest } = await manifestOf(source, archived);
    const report = await drill(archived, { manifest });
    expect(report).toMatchObject({ outcome: 'failed', filesystemCheck: { clean: true } });
    expect(report.mismatches).toEqual([
      '"dir/deeper/linked": its contents differ',
      '"dir/file": its contents differ',
      '"dir/random": is missing',
      '"other/file": uid is 1, was 0 at the cut',
    ]);
    expect(await inDrills()).toEqual([]);
  });

  it('fails where its own check does', async () => {
    const archived = await archive(await newSource());
    const report = await drill(archived, { check: { command: 'exit 3', timeoutMs: 10_000 } });
    expect(report).toMatchObject({ outcome: 'failed', manifest: false, wrong: 0, check: { code: 3 } });
  });

  it('restores no snapshot but its backup’s own', async () => {
    const source = await newSource();
    const [one, two] = [await archive(source), await archive(source)];
    const { manifest } = await manifestOf(source, two);
    const mixed = drill({ backupId: one.backupId, snapshotId: two.snapshotId }, { manifest });
    await expect(mixed).rejects.toMatchObject({ code: 'StorageFailed' });
    expect(await inDrills()).toEqual([]);
  });

  it('fails with the manifest of another archive', async () => {
    const source = await newSource();
    const [one, two] = [await archive(source), await archive(source)];
    const { manifest } = await manifestOf(source, two);
    const report = await drill(one, { manifest });
    expect(report).toMatchObject({
      outcome: 'failed',
      mismatches: ['the manifest is that of another archive'],
    });
  });

  it('fails where the repository is broken, though this archive is whole', async () => {
    const archived = await archive(await newSource());
    // The largest ones come last: those hold contents, and no trees.
    const packs = async () =>
      (await sh(cache(), `find repositories/vol/data -type f -printf '%s %p\\n' | sort -n | cut -d' ' -f2`))
        .trim()
        .split('\n');
    const before = new Set(await packs());
    await archive(await newSource());
    const lost = (await packs()).filter((pack) => !before.has(pack)).at(-1) ?? '';
    await sh(cache(), `mv ${lost} ../lost`);
    const report = await drill(archived);
    await sh(cache(), `mv ../lost ${lost}`);
    expect(report).toMatchObject({ outcome: 'failed', wrong: 0, filesystemCheck: { clean: false } });
    expect((await drill(archived)).outcome).toBe('passed');
  });
});

describe('the manifest of an archive', () => {
  it('asks nothing of what changed since the cut, but all of what lies beside it', async () => {
    const source = await newSource();
    const before = await directoriesOf(source);
    const archived = await archive(source);
    const cut = Date.now();
    await settledBy(cut);
    await sh(source, 'echo more >dir/more; echo other >dir/file; rm none; mkdir dir/new');
    const { manifest } = await manifestOf(source, archived, { before, cut });
    const report = await drill(archived, { manifest });
    expect(report).toMatchObject({ outcome: 'passed', mismatches: [] });
    // Of `dir`, which is where it was: deeper, its link and random; not the two names of the file.
    expect(report.compared).toBe(planted.entries - 4);
    expect(report.hashed).toBe(planted.hashed - 3);
  });

  it('asks nothing below directories that have changed their names', async () => {
    const source = await newSource();
    const before = await directoriesOf(source);
    const archived = await archive(source);
    const cut = Date.now();
    await settledBy(cut);
    await sh(source, 'mv dir was; mv other dir; mv was other');
    const { manifest } = await manifestOf(source, archived, { before, cut });
    const report = await drill(archived, { manifest });
    expect(report).toMatchObject({ outcome: 'passed', mismatches: [] });
    expect(report.compared).toBe(planted.entries - 8);
  });
});

/** Until the filesystem's clock, which goes by ticks, is past a time. */
async function settledBy(time: number): Promise<void> {
  const probe = join(disks.dir, 'probe');
  for (
    let at = 0;
    at <= time;
    at = Number(await sh(disks.dir, `touch ${probe}; stat -c %.3Z ${probe}`)) * 1000
  )
    await new Promise(setImmediate);
}

describe('the place of a drill', () => {
  it('is refused where the disk has not the room', async () => {
    const small = await disks.ext4('small', 100 * MiB);
    const place = (sizeBytes: number, files = 1) =>
      withScratch({ exec, drills: join(small, 'drills') }, { operationId: 'op', files, sizeBytes }, () =>
        Promise.resolve('in'),
      );
    expect(await place(MiB)).toBe('in');
    await expect(place(90 * MiB)).rejects.toMatchObject({ code: 'LimitExceeded' });
    await expect(place(MiB, 1_000_000)).rejects.toMatchObject({ code: 'LimitExceeded' });
  });

  it('is cleared of what an agent that was killed has left', async () => {
    await sh(disks.dir, 'mkdir -p drills/op-1/tree/deep; echo x >drills/op-1/tree/deep/file');
    await clearScratch({ exec, drills: drills(), log: silentLog });
    expect(await inDrills()).toEqual([]);
    await clearScratch({ exec, drills: join(disks.dir, 'never'), log: silentLog });
  });
});
