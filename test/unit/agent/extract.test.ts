import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ListedEntry, parseBackupPath } from '#shared/model/extract.ts';
import { linesOf, listDirectory } from '#agent/extract/listing.ts';
import { openBelow } from '#agent/extract/open-below.ts';
import { systemExec } from '#agent/host/exec.ts';
import { silentLog } from '#agent/log.ts';

const exec = systemExec(silentLog);

let folder: string;
let root: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'extract-'));
  root = join(folder, 'data');
  await mkdir(join(root, 'db', 'deep'), { recursive: true });
  await writeFile(join(root, 'db', 'data.sql'), 'rows');
  await writeFile(join(folder, 'secret'), 'not of the backup');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What is read at a path of the backup. */
async function contentAt(path: string): Promise<string> {
  const { kind, handle } = await openBelow(root, parseBackupPath(path));
  try {
    return kind === 'file' ? await handle.readFile('utf8') : kind;
  } finally {
    await handle.close();
  }
}

async function list(path = '', without: readonly string[] = []) {
  const below = parseBackupPath(path);
  const { descriptor, handle } = await openBelow(root, below);
  try {
    return await listDirectory(descriptor, { below, without });
  } finally {
    await handle.close();
  }
}

describe('a path in a copy', () => {
  it('opens the file or the directory that is there', async () => {
    expect(await contentAt('db/data.sql')).toBe('rows');
    expect(await contentAt('./db//data.sql')).toBe('rows');
    expect(await contentAt('db/deep/')).toBe('directory');
    expect(await contentAt('')).toBe('directory');
  });

  it('is refused where it is or leads through a link, wherever that leads', async () => {
    await symlink('../secret', join(root, 'out'));
    await symlink('..', join(root, 'up'));
    await symlink('db', join(root, 'inner'));
    for (const path of ['out', 'up/secret', 'inner', 'inner/data.sql'])
      await expect(contentAt(path)).rejects.toMatchObject({
        code: 'PathRefused',
        message: expect.stringContaining('links are not followed') as string,
      });
  });

  it('is refused where the data directory itself is a link', async () => {
    await rm(root, { recursive: true });
    await symlink('/etc', root);
    await expect(contentAt('hostname')).rejects.toMatchObject({ code: 'PathRefused' });
    await expect(list()).rejects.toMatchObject({ code: 'PathRefused' });
  });

  it('is refused for what is neither file nor directory, without touching it', async () => {
    // Opened for reading it would wait for a writer, for ever.
    await exec.run('mkfifo', [join(root, 'pipe')]);
    await expect(contentAt('pipe')).rejects.toMatchObject({
      code: 'PathRefused',
      message: '"pipe" is neither a file nor a directory.',
    });
  });

  it('is refused where nothing is, and below a file', async () => {
    await expect(contentAt('db/none')).rejects.toMatchObject({ message: '"db/none" is not in this backup.' });
    await expect(contentAt('db/data.sql/x')).rejects.toMatchObject({ code: 'PathRefused' });
  });

  it('is as the kernel has it where it is no UTF-8', async () => {
    const name = Buffer.from([0x61, 0xff]);
    await writeFile(Buffer.concat([Buffer.from(`${root}/`), name]), 'bytes');
    expect(await contentAt(`base64:${name.toString('base64')}`)).toBe('bytes');
    const hostile = `base64:${Buffer.from('../secret').toString('base64')}`;
    await expect(contentAt(hostile)).rejects.toMatchObject({ code: 'PathRefused' });
  });
});

describe('a listing', () => {
  it('has names, kinds, sizes, owners, modes, times and targets, in the order of their bytes', async () => {
    await symlink('db', join(root, 'a-link'));
    await exec.run('mkfifo', [join(root, 'pipe')]);
    await utimes(join(root, 'db', 'data.sql'), 1, 1_700_000_000);
    const { entries, left } = await list();
    expect(entries.map(({ name, kind }) => [name, kind])).toEqual([
      ['a-link', 'symlink'],
      ['db', 'directory'],
      ['pipe', 'other'],
    ]);
    expect(entries[0]?.target).toBe('db');
    expect(left).toBe(0);
    const { uid, gid } = { uid: process.getuid?.(), gid: process.getgid?.() };
    expect((await list('db')).entries[0]).toEqual({
      name: 'data.sql',
      path: 'db/data.sql',
      kind: 'file',
      size: 4,
      uid,
      gid,
      mode: '0644',
      modifiedAt: '2023-11-14T22:13:20.000Z',
    });
  });

  it('can be read back from its lines, whatever the names are', async () => {
    const names = ['line\nbreak', 'quote"', 'base64:x', '\u001b[31m', 'ü'];
    for (const name of names) await writeFile(join(root, 'db', 'deep', name), '');
    await writeFile(Buffer.concat([Buffer.from(`${root}/db/deep/`), Buffer.from([0xff, 0xfe])]), '');
    const { entries } = await list('db/deep');
    const lines = [...linesOf(entries)].map(String).join('').trimEnd().split('\n');
    const read = lines.map((line) => ListedEntry.parse(JSON.parse(line)));
    expect(read).toHaveLength(names.length + 1);
    for (const { path } of read) expect(await contentAt(path)).toBe('');
  });

  it('leaves out what is not the user’s', async () => {
    await mkdir(join(root, 'lost+found'));
    expect((await list('', ['lost+found'])).entries.map(({ name }) => name)).toEqual(['db']);
  });
});
