import { createHash } from 'node:crypto';
import { createWriteStream, createReadStream } from 'node:fs';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack, type PackResult } from '#agent/archives/pack.ts';
import { clearUnpack, settleUnpack } from '#agent/archives/staging.ts';
import { unpack } from '#agent/archives/unpack.ts';
import { readArchiveMetadata } from '#shared/client/archive/metadata.ts';
import type { ArchiveMetadata } from '#shared/model/archive.ts';
import { until } from '#test/support/until.ts';
import { exec, openDisks, sh, treeOf, type Disks } from './support/filesystem.ts';

const MiB = 2 ** 20;
const id = 'op-1';
const metadata: ArchiveMetadata = {
  version: 1,
  name: 'db-data',
  type: 'local',
  driver: 'ebs',
  sizeBytes: 64 * MiB,
  labels: { app: 'db', 'team/owner': 'é'.normalize('NFD').replaceAll(/[^a-z]/g, '') },
  options: { throughput: '125' },
  owner: { uid: 1000, gid: 1000, mode: '0750' },
  filesystem: 'ext4',
  createdAt: '2026-11-29T02:00:00.000Z',
};

/** A tree with everything that an archive must keep. */
const plant = `
mkdir -p dir/deeper 'with space' ; chmod 0750 . ; chown 1000:1000 .
setfattr -n user.root -v yes . ; setfacl -m u:4242:rx,d:u:4242:rx dir
echo hello >dir/file ; chown 1234:4321 dir/file ; chmod 4711 dir/file
touch -d '2001-02-03 04:05:06.123456789' dir/file
ln dir/file dir/deeper/linked ; ln dir/file third-name
ln -s /etc/passwd absolute ; ln -s ../../.. upward ; ln -s dir/file inside ; ln -s dangling dangling ; ln inside hard-to-symlink
touch -h -d '2002-01-01' inside
setfattr -n user.note -v "$(head -c 300 /dev/zero | tr '\\0' x)" third-name
setfattr -n trusted.mark -v 0x0001ff 'with space'
setfacl -m u:1:r,u:12345:rw,g:77:x third-name
truncate -s 40M sparse ; printf middle | dd of=sparse bs=1 seek=20000000 conv=notrunc status=none
truncate -s 5M all-hole ; : >empty
printf x >"$(printf 'bytes-\\377\\303\\244')" ; printf y >"$(printf 'new\\nline')"
name=$(head -c 200 /dev/zero | tr '\\0' n) ; mkdir -p "$name/$name" ; echo deep >"$name/$name/$name"
head -c 3000000 /dev/urandom >random
mkdir -m 1777 sticky ; chown 4294967294:3000000000 empty
chmod 000 sticky
touch -d '1971-12-31 12:00' dir/deeper ; touch -d '2020-05-05 05:05:05.5' .
`;

let disks: Disks;
let source: string;
let archive: string;
let packed: PackResult;

const packTo = async (directory: string, file: string): Promise<PackResult> => {
  const { stream, result } = pack({ directory, metadata });
  await pipeline(stream, createWriteStream(file));
  return result;
};

beforeAll(async () => {
  disks = await openDisks();
  source = await disks.ext4('source', 128 * MiB);
  await sh(source, plant);
  archive = join(disks.dir, 'archive.tar.gz');
  packed = await packTo(source, archive);
});
afterAll(async () => {
  await disks.close();
});

describe('an archive of a volume', () => {
  it('says its own size and SHA-256, and that nothing changed or was left out', async () => {
    const content = await readFile(archive);
    expect(packed).toMatchObject({
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
      changed: [],
      skipped: [],
    });
  });

  it('brings back every owner, mode, time, attribute, access list, link and hole', async () => {
    const target = await disks.ext4('target', 128 * MiB);
    const result = await unpack({
      id,
      target,
      archive: createReadStream(archive),
      exec,
      sha256: packed.sha256,
    });
    await clearUnpack(target, exec);
    expect(await treeOf(target)).toEqual(await treeOf(source));
    for (const name of ['sparse', 'all-hole']) {
      const [was, is] = [await stat(join(source, name)), await stat(join(target, name))];
      expect(is.size).toBe(was.size);
      expect(is.blocks).toBeLessThanOrEqual(was.blocks + 8);
    }
    expect(result).toMatchObject({ files: packed.files, sha256: packed.sha256, metadata, warnings: [] });
    expect(result.compressedBytes).toBe(packed.bytes);
    expect((await readdir(target)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('is read by plain tar, without a word, to the same tree', async () => {
    const target = await disks.ext4('plain', 128 * MiB);
    const said = await sh(
      target,
      `tar --extract --gzip --numeric-owner --acls --xattrs --xattrs-include='*' --same-owner -p -f ${archive} 2>&1`,
    );
    expect(said).toBe('');
    expect(await treeOf(target)).toEqual(await treeOf(source));
    expect(
      await sh(disks.dir, `mkdir listed && tar -C listed -xzf ${archive} 2>&1 && cat listed/third-name`),
    ).toBe('hello\n');
  });

  it('says what volume it was made of', async () => {
    expect(await readArchiveMetadata(archive)).toEqual(metadata);
    await sh(disks.dir, 'echo >plain-file && tar -czf foreign.tar.gz plain-file');
    expect(await readArchiveMetadata(join(disks.dir, 'foreign.tar.gz'))).toBeUndefined();
    await expect(readArchiveMetadata(join(disks.dir, 'plain-file'))).rejects.toMatchObject({
      code: 'ArchiveRefused',
    });
  });

  it('leaves out devices, fifos and sockets, which it names, other filesystems and what is ours', async () => {
    const odd = await disks.ext4('odd', 32 * MiB);
    await sh(
      odd,
      `mkfifo pipe ; ln pipe pipe-again ; mknod null c 1 3 ; mkdir other .hivemind-unpack ; echo kept >kept
       python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("listening")'
       mount -t tmpfs tmpfs other ; echo lost >other/file`,
    );
    const file = join(disks.dir, 'odd.tar.gz');
    const { skipped } = await packTo(odd, file);
    expect(skipped).toEqual(['./listening', './null', './pipe', './pipe-again']);
    expect((await sh(disks.dir, `tar -tzf ${file}`)).split('\n').toSorted()).toEqual([
      '',
      './',
      './kept',
      './other/',
    ]);
    const target = await disks.ext4('odd-target', 32 * MiB);
    await unpack({ id, target, archive: createReadStream(file), exec });
    expect(await readFile(join(target, 'kept'), 'utf8')).toBe('kept\n');
  });

  it('names a file that changed while it was read, and is whole all the same', async () => {
    const busy = await disks.ext4('busy', 256 * MiB);
    await sh(busy, 'head -c 10000000 /dev/urandom >log');
    let read = 0;
    const packing = pack({ directory: busy, metadata, onProgress: ({ readBytes }) => (read = readBytes) });
    // Nobody reads the archive yet: back pressure holds tar inside the file.
    await until('tar has read of the file', () => read > 100_000);
    await writeFile(join(busy, 'log'), 'more', { flag: 'a' });
    const content = await buffer(packing.stream);
    expect(await packing.result).toMatchObject({ changed: ['./log'] });
    const target = await disks.ext4('busy-target', 256 * MiB);
    await writeFile(join(disks.dir, 'busy.tar.gz'), content);
    await unpack({ id, target, archive: createReadStream(join(disks.dir, 'busy.tar.gz')), exec });
    expect((await stat(join(target, 'log'))).size).toBe(10_000_000);
  });

  it('fails, stream and all, when something cannot be read', async () => {
    const missing = pack({ directory: join(disks.dir, 'missing'), metadata });
    await expect(buffer(missing.stream)).rejects.toMatchObject({ code: 'CommandFailed' });
    await expect(missing.result).rejects.toThrow(/missing: Cannot open: No such file/);
  });

  it('can be given up at any time', async () => {
    const abort = new AbortController();
    const packing = pack({ directory: source, metadata, signal: abort.signal });
    packing.stream.once('data', () => abort.abort());
    await expect(buffer(packing.stream)).rejects.toThrow(/abort/i);
    await expect(packing.result).rejects.toThrow(/abort/i);
  });
});

describe('an unpacking that was killed', () => {
  const record = {
    id,
    mtime: '1000000000123456789',
    result: {
      files: 2,
      directories: 0,
      symlinks: 0,
      bytes: 2,
      sha256: '0'.repeat(64),
      compressedBytes: 100,
      metadata,
      warnings: [],
    },
  };
  const begun = async (name: string, whole: boolean): Promise<string> => {
    const target = await disks.ext4(name, 16 * MiB);
    const folder = join(target, '.hivemind-unpack');
    await mkdir(join(folder, 'tree'), { recursive: true });
    await mkdir(join(folder, 'root'));
    await writeFile(join(folder, 'tree/second'), '2');
    if (whole) {
      await writeFile(join(target, 'first'), '1');
      await writeFile(join(folder, 'landing'), JSON.stringify(record));
    }
    return target;
  };
  const unread = (): Readable =>
    new Readable({
      read() {
        this.destroy(new TypeError('the archive was read'));
      },
    });

  it('while it landed is finished, and not done again until it was reported', async () => {
    const target = await begun('whole', true);
    expect(await settleUnpack(target, exec)).toEqual({ id, result: record.result });
    expect(await unpack({ id, target, archive: unread(), exec })).toEqual(record.result);
    await clearUnpack(target, exec);
    expect(await readdir(target)).toEqual(['first', 'lost+found', 'second']);
    expect((await stat(target, { bigint: true })).mtimeNs).toBe(1_000_000_000_123_456_789n);
    expect(await settleUnpack(target, exec)).toBeUndefined();
  });

  it('before that leaves nothing', async () => {
    const target = await begun('half', false);
    expect(await settleUnpack(target, exec)).toBeUndefined();
    expect(await readdir(target)).toEqual(['lost+found']);
  });
});
