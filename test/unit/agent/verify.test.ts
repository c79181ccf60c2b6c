import { execFile } from 'node:child_process';
import {
  appendFile,
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareEntries, compareMark, readEverything } from '#agent/verify/compare.ts';
import { Hashing } from '#agent/verify/hashing.ts';
import { defaultBudget, readManifest, writeManifest } from '#agent/verify/manifest.ts';
import { Tally } from '#agent/verify/tally.ts';
import type { Found } from '#agent/verify/walk.ts';
import { until } from '#test/support/until.ts';

const run = promisify(execFile);
const mark = { path: '.hivemind/mark', value: 'f'.repeat(64) };
const subject = () => ({ operationId: 'op-1', volumeId: 'vol-1', root, frozenAt: new Date(), mark });
const unlimited = { ...defaultBudget, hashMs: 60_000, mostMs: 60_000 };

let dir: string;
let root: string;
let copy: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hivemind-verify-'));
  [root, copy, file] = [join(dir, 'volume'), join(dir, 'copy'), join(dir, 'manifest.json.gz')];
  await mkdir(join(root, 'data', 'deep', 'er'), { recursive: true });
  await writeFile(join(root, 'data', 'a'), 'one');
  await writeFile(join(root, 'data', 'a.b'), 'two');
  await writeFile(join(root, 'data', 'deep', 'er', 'c'), 'three');
  await writeFile(Buffer.concat([Buffer.from(`${root}/data/`), Buffer.from([0xff, 0xfe])]), 'no UTF-8');
  await symlink('a', join(root, 'data', 'link'));
  await link(join(root, 'data', 'a'), join(root, 'data', 'twin'));
});
afterEach(async () => rm(dir, { recursive: true, force: true }));

/** A copy of the blocks has everything as it is now; the mark comes last. */
async function cut(): Promise<void> {
  await mkdir(join(root, '.hivemind'), { recursive: true });
  // ctimes have the granularity of the kernel's tick: what was made in the same one counts as changed.
  await later(join(root, 'data'));
  await writeFile(join(root, mark.path), `${mark.value}\n`);
  await run('cp', ['-a', root, copy]);
}

/** Returns once a new ctime is later than every one below the path. */
async function later(path: string): Promise<void> {
  const { stdout } = await run('find', [path, '-printf', '%C@\n']);
  const last = stdout.trim().split('\n').toSorted().at(-1) ?? '';
  await until('the clock of the filesystem goes on', async () => {
    await writeFile(join(dir, 'probe'), String(performance.now()));
    return (await run('find', [join(dir, 'probe'), '-printf', '%C@'])).stdout > last;
  });
}

async function drill(): Promise<Tally> {
  const manifest = await readManifest(file, (await writeManifest(subject(), file, unlimited)).sha256);
  return compareWith(manifest);
}

async function compareWith(manifest: Awaited<ReturnType<typeof readManifest>>): Promise<Tally> {
  const tally = new Tally();
  const view = { root: copy, tally, check: () => undefined };
  await compareMark(view, manifest.head.mark);
  await compareEntries(view, manifest);
  return tally;
}

describe('a copy is compared with the manifest of its cut', () => {
  it('and passes when everything is there: names that are no UTF-8, links, owners', async () => {
    await cut();
    const tally = await drill();
    expect(tally.mismatches).toEqual([]);
    expect(tally).toMatchObject({ entries: 9, compared: 9, hashed: 5, wrong: 0 });
  });

  it.each([
    ['a file is missing', () => rm(join(copy, 'data', 'a.b')), '"data/a.b": is missing'],
    ['a directory is missing', () => rm(join(copy, 'data', 'deep'), { recursive: true }), 'is missing'],
    ['a file is shorter', () => keepingTimes('a', (path) => truncate(path, 1)), 'size is 1, was 3'],
    ['a byte is another', () => keepingTimes('a', (path) => writeFile(path, 'One')), 'its contents differ'],
    ['a mode is another', () => chmod(join(copy, 'data', 'a'), 0o600), 'mode is'],
    ['a time is another', () => utimes(join(copy, 'data', 'a'), 1, 1), 'mtime is'],
  ])('and fails where %s', async (_what, change, says) => {
    await cut();
    await change();
    const { wrong, mismatches } = await drill();
    expect(wrong).toBeGreaterThan(0);
    expect(mismatches.join('\n')).toContain(says);
  });

  it('and fails where the mark is that of another cut', async () => {
    await cut();
    await writeFile(join(copy, mark.path), 'another\n');
    expect((await drill()).mismatches).toEqual([expect.stringContaining('this is another copy')]);
  });

  it('of what has changed after the cut, nothing is asked', async () => {
    await cut();
    await appendFile(join(root, 'data', 'a'), ' more');
    await rename(join(root, 'data', 'deep'), join(root, 'data', 'renamed'));
    await writeFile(join(root, 'data', 'new'), 'new');
    await rm(join(root, 'data', 'a.b'));
    expect((await drill()).mismatches).toEqual([]);
  });
});

async function keepingTimes(name: string, change: (path: string) => Promise<void>): Promise<void> {
  const path = join(copy, 'data', name);
  const reference = join(root, 'data', name);
  await change(path);
  await run('touch', ['-r', reference, path]);
}

describe('a manifest', () => {
  it('that was changed or cut short is refused', async () => {
    await cut();
    const { sha256 } = await writeManifest(subject(), file, unlimited);
    const lines = gunzipSync(await readFile(file))
      .toString('utf8')
      .split('\n');
    expect(lines[0]).toContain('"manifest":1');
    await writeFile(file, 'x');
    await expect(readManifest(file, sha256)).rejects.toMatchObject({ code: 'StorageFailed' });
    await writeFile(file, gzipSync(lines.slice(0, 3).join('\n')));
    await expect(compareWith(await readManifest(file))).rejects.toMatchObject({ code: 'StorageFailed' });
  });

  it('hashes the least number of files although its time is over, and what it has begun beside them', async () => {
    await cut();
    const made = await writeManifest(subject(), file, { ...unlimited, hashMs: -1, leastHashed: 2 });
    expect(made.entries).toBe(9);
    expect([2, 3]).toContain(made.hashed);
    expect((await compareWith(await readManifest(file))).wrong).toBe(0);
  });

  it('does not count a file that goes while it is hashed', async () => {
    const found = async (name: string): Promise<Found> => ({
      path: `data/${name}`,
      stat: await lstat(join(root, 'data', name), { bigint: true }),
    });
    const [gone, here] = [await found('a'), await found('a.b')];
    await rm(join(root, 'data', 'a'));
    const budget = { hashMs: -1, mostMs: 60_000, leastHashed: 1 };
    const hashing = new Hashing({ root, cut: 2n ** 63n, budget });
    const looks = await Promise.all([hashing.look(gone), hashing.look(here)]);
    expect(looks.map(({ hash }) => hash)).toEqual([undefined, expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });

  it('of more entries than are allowed is not made', async () => {
    await cut();
    const few = { ...unlimited, mostEntries: 3 };
    await expect(writeManifest(subject(), file, few)).rejects.toMatchObject({ code: 'LimitExceeded' });
  });
});

describe('without a manifest', () => {
  it('every file is read to its end', async () => {
    await cut();
    const tally = new Tally();
    await readEverything({ root: copy, tally, check: () => undefined });
    expect(tally).toMatchObject({ entries: 9, hashed: 5, compared: 0, wrong: 0 });
  });

  it('a comparison ends when its time is up', async () => {
    await cut();
    const tally = new Tally();
    const check = (): never => {
      throw new RangeError('late');
    };
    await expect(readEverything({ root: copy, tally, check })).rejects.toThrow('late');
  });
});
