import { describe, expect, it } from 'vitest';
import { findArchived, listArchived, type Archived } from '#agent/extract/archived.ts';
import { jsonObjects } from '#agent/restic/json-objects.ts';

/** What restic 0.14 wrote of a directory, cut to what counts; directories have the bit of Go's os.ModeDir. */
const dir = 2 ** 31;
const common = { mtime: '2026-11-30T08:02:03.640069056Z', uid: 0, gid: 0 };
const node = (name: string, type: string, parts: object = {}): object => ({
  name,
  type,
  mode: 0o644,
  ...common,
  content: null,
  ...parts,
});
const folder = (name: string, subtree: string): object => node(name, 'dir', { mode: dir + 0o755, subtree });
const trees: Readonly<Record<string, readonly object[]>> = {
  top: [folder('data', 'volumes')],
  volumes: [folder('data', 'root')],
  root: [
    folder('db', 'db'),
    node('etc', 'symlink', { linktarget: '/etc' }),
    node('inside', 'symlink', { linktarget: 'db' }),
    folder('odd\\xff\\n\\"\\\\\\u200b*ü', 'odd'),
  ],
  db: [
    node('bad', 'symlink', { linktarget: 'a\ufffd', linktarget_raw: 'Yf8=' }),
    node('data.sql', 'file', { size: 4, mode: 0o755 + (1 << 23) + (1 << 20), content: ['{', '"}]'] }),
    node('disk', 'dev'),
    node('pipe', 'fifo'),
  ],
  odd: [],
};

function over(): Archived {
  return {
    treeOf: () => Promise.resolve('top'),
    async *output({ args }) {
      const [command, kind, tree = ''] = args;
      expect([command, kind]).toEqual(['cat', 'blob']);
      // An empty directory's list is null.
      const nodes = trees[tree]?.length === 0 ? null : trees[tree];
      const written = Buffer.from(`${JSON.stringify({ nodes })}\n`);
      for (let at = 0; at < written.length; at += 7) yield written.subarray(at, at + 7);
    },
  };
}

const snapshot = { snapshotId: '1'.repeat(64), path: '/data/data' };
const odd = `odd\xff\n"\\${Buffer.from('\u200b*ü').toString('latin1')}`;

describe('what stands at a path of a snapshot', () => {
  it('is found a name at a time, and names are bytes', async () => {
    expect(await findArchived(over(), snapshot, [])).toMatchObject({ kind: 'directory', subtree: 'root' });
    const names = ['db', 'data.sql'];
    expect(await findArchived(over(), snapshot, names)).toMatchObject({
      kind: 'file',
      size: 4,
      mode: 0o5755,
    });
    expect(await findArchived(over(), snapshot, [odd])).toMatchObject({ subtree: 'odd' });
  });

  it.each([
    [['etc'], '"etc" is a link to "/etc"; links are not followed.'],
    [['etc', 'hostname'], '"etc" is a link to "/etc"; links are not followed.'],
    [['inside', 'data.sql'], '"inside" is a link to "db"; links are not followed.'],
    [['db', 'bad'], '"db/bad" is a link to "base64:Yf8="; links are not followed.'],
    [['none', 'at all'], '"none" is not in this backup.'],
    [['db', '*'], '"db/*" is not in this backup.'],
    [['db', 'data.sql', 'x'], '"db/data.sql" is a file and has nothing below it.'],
    [['db', 'pipe'], '"db/pipe" is neither a file nor a directory.'],
    [['db', 'disk'], '"db/disk" is neither a file nor a directory.'],
  ])('%j is refused', async (names, message) => {
    const found = findArchived(over(), snapshot, names);
    await expect(found).rejects.toMatchObject({ code: 'PathRefused', message });
  });
});

describe('the names in a directory of a snapshot', () => {
  it('are told with what the files have, as those of a mounted copy are', async () => {
    const db = await findArchived(over(), snapshot, ['db']);
    const { entries, left } = await listArchived(over(), db, ['db']);
    expect(left).toBe(0);
    expect(entries.map(({ name, kind }) => [name, kind])).toEqual([
      ['bad', 'symlink'],
      ['data.sql', 'file'],
      ['disk', 'other'],
      ['pipe', 'other'],
    ]);
    expect(entries[0]).toMatchObject({ target: 'base64:Yf8=' });
    expect(entries[1]).toEqual({
      name: 'data.sql',
      path: 'db/data.sql',
      kind: 'file',
      size: 4,
      uid: 0,
      gid: 0,
      mode: '5755',
      modifiedAt: '2026-11-30T08:02:03.640Z',
    });
    const empty = await findArchived(over(), snapshot, [odd]);
    expect(await listArchived(over(), empty, [odd])).toEqual({ entries: [], left: 0 });
  });
});

describe('objects in a stream of JSON', () => {
  const text = '{"a":[{"x":"}]\\"\\\\"},{"y":{"z":[1]}}]}\n{"b":[]}\n';
  const read = async (end: number, depth: number): Promise<string[]> => {
    const bytes = [...Buffer.from(text.slice(0, end))].map((byte) => Buffer.from([byte]));
    const found: string[] = [];
    const chunks = (async function* () {
      yield* bytes;
    })();
    for await (const one of jsonObjects(chunks, depth)) found.push(one);
    return found;
  };

  it('are found wherever chunks end', async () => {
    expect(await read(text.length, 2)).toEqual(['{"x":"}]\\"\\\\"}', '{"y":{"z":[1]}}']);
    expect(await read(text.length, 0)).toEqual(text.trim().split('\n'));
  });

  it('that break off are no end', async () => {
    for (let end = 1; end < text.indexOf('\n'); end++)
      await expect(read(end, 2)).rejects.toMatchObject({ code: 'CommandFailed' });
  });
});
