import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { downloadArchive } from '#agent/archives/download.ts';
import { clearUnpack } from '#agent/archives/staging.ts';
import { uploadArchive } from '#agent/archives/upload.ts';
import type { ArchiveMetadata } from '#shared/model/archive.ts';
import { openObjectStorage, type FakeObjectStorage } from './support/fake-object-storage.ts';
import { exec, openDisks, sh, treeOf, type Disks } from './support/filesystem.ts';

const MiB = 2 ** 20;
const metadata: ArchiveMetadata = {
  version: 1,
  name: 'data',
  type: 'local',
  driver: 'ebs',
  sizeBytes: 128 * MiB,
  labels: {},
  options: {},
  owner: { uid: 0, gid: 0, mode: '0755' },
  filesystem: 'ext4',
  createdAt: '2026-11-29T02:00:00.000Z',
};

describe("a volume's files go to the storage and back", () => {
  let disks: Disks;
  let storage: FakeObjectStorage;
  let source: string;
  let target: string;
  beforeAll(async () => {
    disks = await openDisks();
    storage = await openObjectStorage();
    source = await disks.ext4('source', 128 * MiB);
    target = await disks.ext4('target', 128 * MiB);
    await sh(
      source,
      'head -c 40000000 /dev/urandom >random; mkdir d; ln random d/linked; ln -s random d/way',
    );
  });
  afterAll(async () => {
    await storage.close();
    await disks.close();
  });
  const quick = { sleep: () => Promise.resolve() };
  const send = () =>
    uploadArchive({
      ...quick,
      directory: source,
      metadata,
      expectedBytes: 64 * MiB,
      urls: storage.urlsOf('one'),
    });

  it('over a line that breaks, to the same tree', async () => {
    storage.faults.push('reset', 'lost', '503');
    const sent = await send();
    expect(sent.packed).toMatchObject({ bytes: sent.sizeBytes, sha256: sent.sha256, entries: 5, files: 2 });
    storage.object = storage.complete('one');
    storage.faults.push('reset', 'expire', 'reset');
    const url = () => storage.objectUrl();
    const { sizeBytes, sha256 } = sent;
    const fetched = await downloadArchive({ ...quick, id: 'op-1', target, exec, url, sizeBytes, sha256 });
    expect(fetched).toMatchObject({ files: 2, symlinks: 1, sha256, compressedBytes: sizeBytes, metadata });
    await clearUnpack(target, exec);
    expect(await treeOf(target)).toEqual(await treeOf(source));
  });

  it('and nothing of it lands where a byte is not what was sent, or it never comes', async () => {
    await sh(target, 'rm -rf random d');
    const { sizeBytes, sha256 } = await send();
    storage.object = storage.complete('one');
    const url = () => storage.objectUrl();
    const fetch = () => downloadArchive({ ...quick, id: 'op-2', target, exec, url, sizeBytes, sha256 });
    // The gzip header's time: it still unpacks.
    storage.object[4] = (storage.object[4] ?? 0) ^ 1;
    await expect(fetch()).rejects.toMatchObject({ code: 'TransferFailed' });
    storage.object[4] = (storage.object[4] ?? 0) ^ 1;
    storage.faults.push(...Array.from({ length: 8 }, () => '503' as const));
    await expect(fetch()).rejects.toMatchObject({ code: 'Unavailable' });
    expect(await readdir(target)).toEqual(['lost+found']);
    expect(await fetch()).toMatchObject({ sha256 });
  });

  it('and a sending that cannot go on ends the packing', async () => {
    storage.faults.push('400', '400', '400', '400');
    await expect(send()).rejects.toMatchObject({ code: 'StorageFailed' });
  });
});
