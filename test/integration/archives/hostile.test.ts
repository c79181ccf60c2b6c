import { createReadStream } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BudgetLimits } from '#agent/archives/budget.ts';
import { clearUnpack, type UnpackResult } from '#agent/archives/staging.ts';
import { unpack } from '#agent/archives/unpack.ts';
import { isProductError } from '#shared/model/errors.ts';
import { exec, openDisks, sh, treeOf, type Disks } from './support/filesystem.ts';
import { archiveOf, member, paxMember, tarOf, zeros } from './support/tar-writer.ts';

const MiB = 2 ** 20;

let disks: Disks;
let target: string;
let count = 0;
beforeAll(async () => {
  disks = await openDisks();
  target = await disks.ext4('target', 64 * MiB);
  await sh(disks.dir, `mkdir outside && echo mine >outside/secret && chmod 600 outside/secret`);
});
afterAll(async () => {
  await disks.close();
});
beforeEach(async () => {
  await sh(target, `find . -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +`);
});

const chunksOf = (content: Buffer): Readable => {
  const chunks: Buffer[] = [];
  for (let at = 0; at < content.length; at += 1000) chunks.push(content.subarray(at, at + 1000));
  return Readable.from(chunks);
};

const put = (content: Buffer, limits: Partial<BudgetLimits> = {}): Promise<UnpackResult> =>
  unpack({ id: `op-${++count}`, target, archive: chunksOf(content), exec, limits });

/** The refusal's words; nothing is left in the target, and what lies outside is as it was. */
async function refusal(content: Buffer, limits?: Partial<BudgetLimits>): Promise<string> {
  const error: unknown = await put(content, limits).then(
    () => 'it was unpacked',
    (reason: unknown) => reason,
  );
  expect(await readdir(target)).toEqual(['lost+found']);
  expect(
    await sh(disks.dir, 'ls -l outside | wc -l; cat outside/secret; stat -c "%a %h" outside/secret'),
  ).toBe('2\nmine\n600 1\n');
  if (!isProductError(error, 'ArchiveRefused')) throw error;
  return error.message;
}

const good = member({ name: './good', data: 'good' });

describe('an archive is refused, and nothing of it is left,', () => {
  const outside = (): string => join(disks.dir, 'outside');

  it.each<[string, () => Buffer[], RegExp]>([
    [
      'with an absolute path',
      () => [good, member({ name: `${outside()}/new`, data: 'x' })],
      /a path is absolute/,
    ],
    [
      'with an absolute path in a pax header',
      () => [good, paxMember({ path: '/etc/cron.d/x' }, { data: 'x' })],
      /a path is absolute/,
    ],
    [
      'with a parent directory in a path',
      () => [good, member({ name: 'a/../../outside/new', data: 'x' })],
      /parent directory/,
    ],
    [
      'with a parent directory behind a long GNU name',
      () => [
        member({ type: 'L', name: '././@LongLink', data: `${'d/'.repeat(80)}../x\0` }),
        member({ name: 'short' }),
      ],
      /parent directory/,
    ],
    [
      'with a file through a symlink of its own',
      () => [member({ type: '2', name: 'way', linkName: outside() }), member({ name: 'way/new', data: 'x' })],
      /through a symlink/,
    ],
    [
      'with a file through a symlink whose path is spelled otherwise',
      () => [
        member({ type: '2', name: 'd/way', linkName: '../..' }),
        member({ name: './/d/./way/new', data: 'x' }),
      ],
      /through a symlink/,
    ],
    [
      'with a symlink that stands for a directory that was there',
      () => [
        member({ name: 'd/file' }),
        member({ type: '2', name: 'd', linkName: outside() }),
        member({ name: 'd/new' }),
      ],
      /stands there twice/,
    ],
    [
      'with a directory over a symlink',
      () => [member({ type: '2', name: 'd', linkName: outside() }), member({ type: '5', name: 'd/' })],
      /stands there twice/,
    ],
    [
      'with a hard link to outside',
      () => [good, member({ type: '1', name: 'link', linkName: '../outside/secret' })],
      /parent directory/,
    ],
    [
      'with a hard link to an absolute path',
      () => [good, member({ type: '1', name: 'link', linkName: `${outside()}/secret` })],
      /a path is absolute/,
    ],
    [
      'with a hard link to what the archive does not hold',
      () => [member({ type: '1', name: 'link', linkName: 'lost+found' })],
      /hard link leads to what does not stand/,
    ],
    [
      'with a hard link through a symlink',
      () => [
        member({ type: '2', name: 'way', linkName: outside() }),
        member({ type: '1', name: 'link', linkName: 'way/secret' }),
      ],
      /hard link leads to what does not stand/,
    ],
    ['with a character device', () => [good, member({ type: '3', name: 'null' })], /a character device/],
    ['with a block device', () => [good, member({ type: '4', name: 'disk' })], /a block device/],
    ['with a fifo', () => [good, member({ type: '6', name: 'pipe' })], /a fifo/],
    [
      'with an entry of a kind that nobody knows',
      () => [good, member({ type: 'Z', name: 'odd' })],
      /unknown type \("Z"\)/,
    ],
    ['with an old sparse file', () => [good, member({ type: 'S', name: 'odd' })], /old GNU format/],
    ['with one file twice', () => [good, member({ name: 'good', data: 'bad' })], /stands there twice/],
    ['with a file in a file', () => [good, member({ name: 'good/file' })], /lies in what is a file/],
    [
      'whose root is a symlink',
      () => [member({ type: '2', name: '.', linkName: outside() })],
      /root is a symlink/,
    ],
    [
      'with a global header that sets a path',
      () => [paxMember({ path: 'all' }, undefined, 'g'), good],
      /global header sets "path"/,
    ],
    [
      'with a name longer than a name can be',
      () => [paxMember({ path: 'n'.repeat(300) }, { data: 'x' })],
      /longer than 255/,
    ],
    [
      'with a damaged header',
      () => [good, Buffer.from(member({ name: 'x' })).fill('y', 0, 1)],
      /wrong checksum/,
    ],
    [
      'with a damaged pax header',
      () => [member({ type: 'x', name: 'x', data: '99 path=x\n' }), good],
      /pax header is damaged/,
    ],
    [
      'with a symlink that has data',
      () => [member({ type: '2', name: 'x', linkName: 'y', data: 'z'.repeat(600) })],
      /a symlink has data/,
    ],
  ])('%s', async (_, members, reason) => {
    expect(await refusal(archiveOf(...members()))).toMatch(reason);
  });

  it('that is cut short at any place', async () => {
    const whole = gzipSync(tarOf(good, member({ name: 'more', data: Buffer.alloc(5000, 'more') })));
    for (const size of [0, 5, 20, whole.length - 9, whole.length - 1])
      expect(await refusal(whole.subarray(0, size))).toMatch(/cut short/);
    const tar = tarOf(good, member({ name: 'more', data: Buffer.alloc(5000, 'more') }));
    for (const size of [300, 512, 2000, tar.length - 1024, tar.length - 512])
      expect(await refusal(gzipSync(tar.subarray(0, size)))).toMatch(/cut short/);
  });

  it('that is followed by something', async () => {
    const whole = archiveOf(good);
    for (const more of [Buffer.from('garbage'), zeros(3), Buffer.from([0x1f])])
      expect(await refusal(Buffer.concat([whole, more]))).toMatch(/follows its end|cut short/);
    expect(await refusal(gzipSync(Buffer.concat([tarOf(good), Buffer.from('more')])))).toMatch(
      /follows its end/,
    );
    expect(await refusal(gzipSync(Buffer.concat([tarOf(good), zeros(2 * MiB)])))).toMatch(/follows its end/);
    expect(await refusal(Buffer.concat([whole, archiveOf(member({ name: 'second' }))]))).toMatch(
      /follows its end/,
    );
  });

  it('that is no tar.gz', async () => {
    expect(await refusal(Buffer.from('a text'))).toMatch(/not compressed with gzip/);
    expect(await refusal(gzipSync(Buffer.alloc(4096, 'a text')))).toMatch(/not a tar archive/);
    const flipped = gzipSync(tarOf(good));
    flipped.writeUInt32LE(7, flipped.length - 8);
    expect(await refusal(flipped)).toMatch(/is damaged/);
  });
});

describe('a bomb is refused before it goes off:', () => {
  const free = (): Promise<string> => sh(target, 'df --output=avail -B1 . | tail -1');

  it('a file that says it is larger than what is free', async () => {
    const bomb = gzipSync(member({ name: 'huge', size: 2 ** 32 }));
    expect(await refusal(bomb)).toMatch(/needs more than the \d+ bytes that are free \("huge"\)/);
  });

  it('many files that are so together, each taking a block', async () => {
    const tiny = Array.from({ length: 600 }, (_, index) => member({ name: `f${index}`, data: 'x' }));
    expect(await refusal(archiveOf(...tiny), { bytes: 2 * MiB })).toMatch(
      /needs more than the 2097152 bytes/,
    );
    await put(archiveOf(...tiny), { bytes: 3 * MiB });
  });

  it('zeros that compress a thousandfold', async () => {
    const before = await free();
    const members = Array.from({ length: 8 }, (_, index) =>
      member({ name: `z${index}`, data: zeros(10 * MiB) }),
    );
    expect(await refusal(archiveOf(...members))).toMatch(/needs more than/);
    expect(await free()).toBe(before);
  });

  it('more entries than the limit or the filesystem has inodes', async () => {
    const dirs = Array.from({ length: 20 }, (_, index) => member({ type: '5', name: `d${index}/` }));
    expect(await refusal(archiveOf(...dirs), { entries: 10 })).toMatch(/more than 10 entries/);
    const links = Array.from({ length: 17_000 }, (_, index) =>
      member({ type: '2', name: `l${index}`, linkName: 'x' }),
    );
    expect(await refusal(archiveOf(...links))).toMatch(/more than \d+ entries/);
  });

  it('a sparse file whose pieces of a byte fill a block each', async () => {
    const pieces = Array.from({ length: 20_000 }, (_, index) => [index * 4096, 1]);
    expect(await refusal(archiveOf(sparse(pieces, 20_000 * 4096)))).toMatch(/needs more than/);
  });

  it.each<[string, number[][], number]>([
    [
      'overlap',
      [
        [0, 5],
        [3, 5],
      ],
      4096,
    ],
    [
      'lie beyond its end',
      [
        [0, 5],
        [8000, 5],
      ],
      4096,
    ],
  ])('a sparse file whose pieces %s', async (_, pieces, size) => {
    expect(await refusal(archiveOf(sparse(pieces, size)))).toMatch(/map of a sparse file is damaged/);
  });
});

function sparse(pieces: readonly (readonly number[])[], realSize: number): Buffer {
  const map = Buffer.from(`${[pieces.length, ...pieces.flat()].join('\n')}\n`);
  const bytes = pieces.reduce((sum, [, length = 0]) => sum + length, 0);
  const data = Buffer.concat([map, zeros((512 - (map.length % 512)) % 512), Buffer.alloc(bytes, 'x')]);
  const keys = {
    'GNU.sparse.major': '1',
    'GNU.sparse.minor': '0',
    'GNU.sparse.name': 'sparse',
    'GNU.sparse.realsize': `${realSize}`,
  };
  return paxMember(keys, { data });
}

describe('an archive that somebody else made', () => {
  it('in the GNU format, with long names and large numbers, is unpacked', async () => {
    const source = await disks.ext4('gnu', 16 * MiB);
    await sh(
      source,
      `mkdir -p $(printf 'long-name-%.0s' 1 2 3 4 5 6 7 8)/deep ; cd long* ; echo x >deep/file ; ln -s ${'t'.repeat(90)} link ; chown 4000000000 deep/file`,
    );
    await sh(source, `tar --format=gnu --numeric-owner -czf ../gnu.tar.gz .`);
    const result = await unpack({
      id: `op-${++count}`,
      target,
      archive: createReadStream(join(disks.dir, 'gnu.tar.gz')),
      exec,
    });
    await clearUnpack(target, exec);
    const whole = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/\.\d{10}/, ''));
    expect(whole(await treeOf(target))).toEqual(whole(await treeOf(source)));
    expect(result).toMatchObject({ files: 1, symlinks: 1, metadata: null });
  });

  it('without its root and its directories leaves the root as it is', async () => {
    await sh(target, 'chown 7:8 . && chmod 0711 .');
    await put(archiveOf(member({ name: 'a/b/file', data: 'x', mode: 0o640 })));
    expect(await sh(target, 'stat -c "%U %u:%g %a" . ; stat -c %a a/b/file')).toMatch(/ 7:8 711\n640\n/);
  });

  it('with access lists as text keeps those that have numbers, and says which it could not', async () => {
    const acl = (user: string): string => `user::rw-\nuser:${user}:r--\ngroup::r--\nmask::r--\nother::---\n`;
    const { warnings } = await put(
      archiveOf(
        paxMember({ path: 'numbered', 'SCHILY.acl.access': acl('4711') }, { mode: 0o640 }),
        paxMember({ path: 'named', 'SCHILY.acl.access': acl('daemon') }, { mode: 0o640 }),
      ),
    );
    expect(await sh(target, 'getfacl -nc numbered')).toContain('user:4711:r--');
    expect(await sh(target, 'getfacl -nc named')).not.toContain('mask');
    expect(warnings).toEqual(['named: its access list has names, not numbers; left out']);
  });

  it("keeps what is the filesystem's and ours out", async () => {
    const { files } = await put(
      archiveOf(
        member({ name: 'lost+found/x', data: 'x' }),
        member({ name: './.hivemind-unpack/verified' }),
        good,
      ),
    );
    expect(files).toBe(1);
    expect(await readdir(target)).toEqual(['.hivemind-unpack', 'good', 'lost+found']);
  });
});

describe('an archive is not unpacked', () => {
  it('into a volume that holds something, which stays', async () => {
    await writeFile(join(target, 'mine'), 'mine');
    await expect(put(archiveOf(good))).rejects.toMatchObject({ code: 'IllegalState' });
    expect(await readdir(target)).toEqual(['lost+found', 'mine']);
    expect(await readFile(join(target, 'mine'), 'utf8')).toBe('mine');
  });

  it('when its SHA-256 is not the one that was sent', async () => {
    const sent = unpack({
      id: `op-${++count}`,
      target,
      archive: chunksOf(archiveOf(good)),
      exec,
      sha256: 'a'.repeat(64),
    });
    await expect(sent).rejects.toMatchObject({ code: 'TransferFailed' });
    expect(await readdir(target)).toEqual(['lost+found']);
  });

  it('when its stream breaks or it is given up', async () => {
    const abort = new AbortController();
    const broken = Readable.from(
      (async function* () {
        yield gzipSync(tarOf(good)).subarray(0, 20);
        abort.abort();
        await new Promise(() => undefined);
      })(),
    );
    await expect(
      unpack({ id: `op-${++count}`, target, archive: broken, exec, signal: abort.signal }),
    ).rejects.toThrow(/abort/i);
    expect(await readdir(target)).toEqual(['lost+found']);
  });
});
