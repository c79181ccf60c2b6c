import { createHash } from 'node:crypto';
import { appendFile, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { directoriesOf } from '#agent/verify/archived.ts';
import { contentsOf } from '#agent/verify/contents.ts';
import { readManifest, writeManifest } from '#agent/verify/manifest.ts';
import { inOrder } from '#agent/verify/in-order.ts';
import type { Found } from '#agent/verify/walk.ts';

const MiB = 2 ** 20;

let dir: string;
let root: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hivemind-manifest-'));
  root = join(dir, 'volume');
  await mkdir(root);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const sha256 = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');
const found = async (path: string): Promise<Found> => ({
  path,
  stat: await lstat(join(root, path), { bigint: true }),
});
const never = (): boolean => false;

describe('the contents of a file', () => {
  it.each([0, 1, 2047, MiB - 1, MiB, MiB + 1, 2 * MiB, 3 * MiB + 7])(
    'of %i bytes are hashed',
    async (size) => {
      const content = Buffer.alloc(size, 'some words, ');
      await writeFile(join(root, 'file'), content);
      const one = await found('file');
      expect(await contentsOf(root, one, never)).toEqual({
        hash: sha256(content),
        ctimeNs: one.stat.ctimeNs,
      });
    },
  );

  it('that has grown since it was looked at are those of now, with the ctime of now', async () => {
    await writeFile(join(root, 'file'), 'short');
    const before = await found('file');
    await appendFile(join(root, 'file'), Buffer.alloc(2 * MiB, '!'));
    const { ctimeNs } = (await found('file')).stat;
    const hash = sha256(`short${'!'.repeat(2 * MiB)}`);
    expect(await contentsOf(root, before, never)).toEqual({ hash, ctimeNs });
  });

  it('are given up when somebody says so on the way', async () => {
    await writeFile(join(root, 'file'), Buffer.alloc(3 * MiB));
    let reads = 0;
    expect(await contentsOf(root, await found('file'), () => ++reads === 2)).toBeUndefined();
    expect(reads).toBe(2);
  });
});

describe('a manifest of many files', () => {
  it('has them in the order of the walk, each with its own hash, however long each one takes', async () => {
    const sizes = Array.from({ length: 60 }, (_, index) => (index % 7 === 0 ? 2 * MiB + index : index));
    const files = sizes.map(
      (size, index) => [`d${index % 3}/f${String(index).padStart(2, '0')}`, size] as const,
    );
    for (const name of ['d0', 'd1', 'd2']) await mkdir(join(root, name));
    for (const [path, size] of files) await writeFile(join(root, path), Buffer.alloc(size, path));
    await symlink('d0', join(root, 'link'));
    const file = join(dir, 'manifest.gz');
    const later = new Date(Date.now() + 3_600_000);
    const subject = { operationId: 'op-1', volumeId: 'vol-1', root, frozenAt: later };
    const made = await writeManifest(subject, file);
    expect(made).toMatchObject({ entries: 64, hashed: 60 });
    const entries: [string, string | undefined][] = [];
    for await (const { path, hash } of (await readManifest(file, made.sha256)).entries)
      entries.push([path, hash]);
    const wanted = [
      ...files.map(([path, size]) => [path, sha256(Buffer.alloc(size, path))]),
      ...['d0', 'd1', 'd2'].map((path) => [path, undefined]),
      ['link', sha256('d0')],
    ].toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1));
    expect(entries).toEqual(wanted);
  });
});

describe('directories from before an archive', () => {
  it('are those with their inodes: no files, no links, names as bytes, and nothing of ours', async () => {
    const odd = Buffer.concat([Buffer.from(`${root}/a/`), Buffer.from([0xff, 0xfe])]);
    for (const path of ['a', 'a/deep', 'lost+found', odd]) {
      await mkdir(typeof path === 'string' ? join(root, path) : path);
    }
    await writeFile(join(root, 'a', 'file'), 'x');
    await symlink('a', join(root, 'link'));
    const inode = async (path: string | Buffer): Promise<bigint> => (await lstat(path, { bigint: true })).ino;
    expect([...(await directoriesOf(root))]).toEqual([
      ['a', await inode(join(root, 'a'))],
      ['a/deep', await inode(join(root, 'a', 'deep'))],
      ['a/\xff\xfe', await inode(odd)],
    ]);
  });
});

describe('work in order', () => {
  /** Work that ends when it is told to. */
  function workshop() {
    const begun: number[] = [];
    const ends = new Map<number, { resolve: (value: string) => void; reject: (error: Error) => void }>();
    const work = (item: number): Promise<string> => {
      begun.push(item);
      return new Promise((resolve, reject) => ends.set(item, { resolve, reject }));
    };
    const end = (item: number): void => ends.get(item)?.resolve(`done ${item}`);
    const fail = (item: number): void => ends.get(item)?.reject(new RangeError(`failed ${item}`));
    return { begun, work, end, fail };
  }
  async function* upTo(last: number): AsyncGenerator<number> {
    for (let item = 1; item <= last; item++) yield await Promise.resolve(item);
  }
  const turn = (): Promise<void> => new Promise(setImmediate);

  it('has no more under way than allowed, and gives results as the items came', async () => {
    const { begun, work, end } = workshop();
    const results = inOrder(upTo(3), 2, work);
    const first = results.next();
    await turn();
    end(2);
    await turn();
    expect(begun).toEqual([1, 2]);
    end(1);
    expect(await first).toEqual({ done: false, value: 'done 1' });
    const second = results.next();
    await turn();
    expect(begun).toEqual([1, 2, 3]);
    expect(await second).toEqual({ done: false, value: 'done 2' });
    end(3);
    expect(await results.next()).toEqual({ done: false, value: 'done 3' });
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });

  it('fails with the first that fails, once nothing is under way any more', async () => {
    const { work, end, fail } = workshop();
    let isOver = false;
    const outcome = inOrder(upTo(9), 3, work)
      .next()
      .catch((error: unknown) => error)
      .finally(() => (isOver = true));
    await turn();
    fail(1);
    end(2);
    await turn();
    expect(isOver).toBe(false);
    end(3);
    expect(await outcome).toEqual(new RangeError('failed 1'));
  });
});
