import { spawn } from 'node:child_process';
import { createHash, hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadToFile, type DownloadFileOptions } from '#shared/client/transfer/download-file.ts';
import { downloadFrom } from '#shared/client/transfer/ranges.ts';
import type { TransferOptions } from '#shared/client/transfer/types.ts';
import { forgetUpload, readUploadState, uploadFile } from '#shared/client/transfer/upload-file.ts';
import { uploadStream } from '#shared/client/transfer/upload-stream.ts';
import { until } from '#test/support/until.ts';
import { openObjectStorage, type FakeObjectStorage } from './support/fake-object-storage.ts';

const MiB = 2 ** 20;
const content = randomBytes(5 * MiB + 123);
const sha256 = createHash('sha256').update(content).digest('hex');
const partBytes = MiB;

let storage: FakeObjectStorage;
let folder: string;
let file: string;
let waits: number[];
let options: TransferOptions;
beforeEach(async () => {
  storage = await openObjectStorage();
  storage.object = content;
  folder = await mkdtemp(join(tmpdir(), 'hivemind-transfer-'));
  file = join(folder, 'archive.tar.gz');
  waits = [];
  options = {
    stallMs: 2_000,
    sleep: (ms) => {
      waits.push(ms);
      return Promise.resolve();
    },
  };
});
afterEach(async () => {
  await storage.close();
  await rm(folder, { recursive: true });
});

const puts = (): string[] => storage.requests.filter((line) => line.startsWith('PUT'));

describe('a stream is sent in parts', () => {
  const chunks = async function* (size: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
    await Promise.resolve();
  };
  const send = (more: Partial<TransferOptions> = {}) =>
    uploadStream(chunks(70_001), { ...options, ...more, partBytes, urls: storage.urlsOf('one') });

  it('of one size, each with its own checksum, and arrives whole', async () => {
    const seen: number[] = [];
    const result = await send({ onProgress: ({ doneBytes }) => seen.push(doneBytes) });
    expect(storage.complete('one')).toEqual(content);
    expect(result).toMatchObject({ sizeBytes: content.length, sha256 });
    expect(result.parts.map(({ partNumber, sizeBytes }) => [partNumber, sizeBytes])).toEqual([
      [1, MiB], [2, MiB], [3, MiB], [4, MiB], [5, MiB], [6, 123],
    ]); // prettier-ignore
    expect(result.parts[0]?.sha256).toBe(hash('sha256', content.subarray(0, MiB), 'base64'));
    expect(result.parts[5]?.etag).toBe(`"${hash('md5', content.subarray(5 * MiB))}"`);
    expect(storage.asked.map(({ length }) => length)).toEqual([4, 2]);
    expect(seen).toEqual([4 * MiB, content.length]);
  });

  it('through resets, 503, 500, 429, lost answers and wrong checksums', async () => {
    storage.faults.push('reset', '503', 'lost', 'corrupt', '500', '429', 'reset', 'lost');
    const result = await send();
    expect(result.sha256).toBe(sha256);
    expect(storage.complete('one')).toEqual(content);
    expect(puts().length).toBe(6 + 8);
    expect(waits.length).toBe(8);
  });

  it('with new URLs where they have expired', async () => {
    storage.faults.push('expire');
    await send();
    expect(storage.complete('one')).toEqual(content);
    // The four of the first batch were signed before; each asks again, at once.
    expect(storage.asked.map(({ length }) => length)).toEqual([4, 1, 1, 1, 1, 2]);
    expect(waits).toEqual([]);
  });

  it('until a part does not arrive at all: it says so', async () => {
    storage.faults.push(...Array.from({ length: 40 }, () => '503' as const));
    await expect(send({ tries: 3 })).rejects.toMatchObject({ code: 'Unavailable', message: /503 SlowDown/ });
    expect(waits.length).toBeLessThanOrEqual(4 * 2);
  });

  it('until it is refused for good: it is not repeated', async () => {
    storage.faults.push('400', '400', '400', '400');
    await expect(send()).rejects.toMatchObject({ code: 'StorageFailed' });
    expect(puts().length).toBe(4);
  });

  it('also when the storage falls silent', async () => {
    storage.faults.push('silent');
    const urls = storage.urlsOf('one');
    const result = await uploadStream(chunks(70_001), {
      ...options,
      stallMs: 100,
      partBytes: 64 * 2 ** 10,
      urls,
    });
    expect(result.sha256).toBe(sha256);
    expect(storage.complete('one')).toEqual(content);
  });

  it('as one part of nothing when it is empty, and fails with its own error when it breaks', async () => {
    const urls = storage.urlsOf('empty');
    const none = await uploadStream((async function* () {})(), { ...options, partBytes, urls });
    expect(none.parts).toMatchObject([{ partNumber: 1, sizeBytes: 0 }]);
    const broken = (async function* () {
      yield content;
      await Promise.reject(new RangeError('tar broke'));
    })();
    await expect(uploadStream(broken, { ...options, partBytes, urls })).rejects.toThrow('tar broke');
  });
});

describe('a file is sent in parts', () => {
  beforeEach(() => writeFile(file, content));
  const send = (more: Partial<TransferOptions> = {}) =>
    uploadFile({ ...options, ...more, file, partBytes, upload: 'one', urls: storage.urlsOf('one') });

  it('and what arrived is not sent again after a failure', async () => {
    storage.faults.push('503', '503', '503', '503', ...Array.from({ length: 4 }, () => '400' as const));
    const first = send();
    await expect(first).rejects.toMatchObject({ code: 'StorageFailed' });
    storage.faults.length = 0;
    await send();
    storage.requests.length = 0;
    const again = await send();
    expect(puts()).toEqual([]);
    expect(again).toMatchObject({ sha256, sizeBytes: content.length });
    expect(storage.complete('one')).toEqual(content);
    expect(await readUploadState(file)).toMatchObject({ upload: 'one', partBytes });
    await forgetUpload(file);
    expect(await readUploadState(file)).toBeUndefined();
    expect(await readdir(folder)).toEqual(['archive.tar.gz']);
  });

  it('also after kill -9 in the middle', async () => {
    // The second batch of parts is never answered.
    storage.faults.push(...([undefined, undefined, undefined, undefined] as never[]), 'silent', 'silent');
    const child = inProcess(
      `import { uploadFile } from '#shared/client/transfer/upload-file.ts';
       const sums = 'x-amz-checksum-sha256';
       const urls = async (parts) => parts.map(({ partNumber, sha256 }) => ({
         partNumber, headers: { [sums]: sha256 },
         url: process.argv[1] + '/upload/one/' + partNumber + '?' + new URLSearchParams({ generation: '1', sha256 }),
       }));
       await uploadFile({ file: process.argv[2], partBytes: ${partBytes}, upload: 'one', urls });`,
      new URL(await storage.objectUrl()).origin,
    );
    await until('all parts are on their way', () => puts().length === 6);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await readUploadState(file))?.parts.length).toBe(4);
    storage.requests.length = 0;
    expect(await send()).toMatchObject({ sha256 });
    expect(puts()).toEqual(['PUT /upload/one/5', 'PUT /upload/one/6']);
    expect(storage.complete('one')).toEqual(content);
  });

  it('anew when it is another file by now, or another upload', async () => {
    await send();
    const changed = Buffer.from(content);
    changed[0] = (changed[0] ?? 0) ^ 1;
    await writeFile(file, changed);
    await utimes(file, 1, 1);
    expect(await readUploadState(file)).toBeUndefined();
    storage.requests.length = 0;
    await send();
    expect(puts().length).toBe(6);
    expect(storage.complete('one')).toEqual(changed);
    await uploadFile({ ...options, file, partBytes, upload: 'two', urls: storage.urlsOf('two') });
    expect(storage.complete('two')).toEqual(changed);
  });
});

describe('an object is fetched', () => {
  const wanted = (more: Partial<DownloadFileOptions> = {}): DownloadFileOptions => ({
    ...options,
    file,
    url: () => storage.objectUrl(),
    sizeBytes: content.length,
    sha256,
    ...more,
  });

  it('to a file that has its name only when it is whole', async () => {
    const seen: (number | undefined)[] = [];
    await downloadToFile(wanted({ onProgress: ({ percent }) => seen.push(percent) }));
    expect(await readFile(file)).toEqual(content);
    expect(await readdir(folder)).toEqual(['archive.tar.gz']);
    expect(seen.at(-1)).toBe(100);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('through connections that break, each time on from the byte where it broke', async () => {
    storage.faults.push('reset', '503', 'reset', 'expire', 'reset', 'reset');
    let bytes = 0;
    for await (const chunk of downloadFrom(0, wanted())) bytes += chunk.length;
    expect(bytes).toBe(content.length);
    storage.faults.push('reset', 'expire', 'reset');
    await downloadToFile(wanted());
    expect(await readFile(file)).toEqual(content);
  });

  it('also when the storage falls silent in the middle', async () => {
    storage.faults.push('hold');
    await downloadToFile(wanted({ stallMs: 100 }));
    expect(await readFile(file)).toEqual(content);
  });

  it('also after kill -9 in the middle: the rest only', async () => {
    storage.faults.push('hold');
    const child = inProcess(
      `import { downloadToFile } from '#shared/client/transfer/download-file.ts';
       await downloadToFile({ url: async () => process.argv[1], file: process.argv[2], sizeBytes: ${content.length}, sha256: '${sha256}' });`,
      await storage.objectUrl(),
    );
    const half = await until('half of it is there', async () => {
      const { size } = await stat(`${file}.partial`);
      return size >= Math.floor(content.length / 2) && size;
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readdir(folder)).toEqual(['archive.tar.gz.partial', 'archive.tar.gz.partial.json']);
    expect(await downloadToFile(wanted())).toEqual({ resumedAt: half });
    expect(await readFile(file)).toEqual(content);
    expect(await readdir(folder)).toEqual(['archive.tar.gz']);
  });

  it('anew when the beginning that is there is of something else', async () => {
    await writeFile(`${file}.partial`, 'something else');
    await writeFile(`${file}.partial.json`, JSON.stringify({ sizeBytes: 99, sha256: 'other' }));
    expect(await downloadToFile(wanted())).toEqual({ resumedAt: 0 });
    expect(await readFile(file)).toEqual(content);
  });

  it('and thrown away when a byte is not what was sent', async () => {
    storage.faults.push('corrupt');
    await expect(downloadToFile(wanted())).rejects.toMatchObject({ code: 'TransferFailed' });
    expect(await readdir(folder)).toEqual([]);
    // Also where the beginning was damaged on this disk.
    await writeFile(`${file}.partial`, Buffer.alloc(1000));
    await writeFile(`${file}.partial.json`, JSON.stringify({ sizeBytes: content.length, sha256 }));
    await expect(downloadToFile(wanted())).rejects.toMatchObject({ code: 'TransferFailed' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('never over a file that is there, unless that is asked for', async () => {
    await writeFile(file, 'mine');
    await expect(downloadToFile(wanted())).rejects.toMatchObject({ code: 'InvalidInput' });
    expect(storage.requests).toEqual([]);
    expect(await readFile(file, 'utf8')).toBe('mine');
    await downloadToFile(wanted({ overwrite: true }));
    expect(await readFile(file)).toEqual(content);
  });

  it('not when it is replaced meanwhile, has another size, or stays away', async () => {
    storage.faults.push('reset', 'replaced');
    await expect(downloadToFile(wanted())).rejects.toMatchObject({
      code: 'StorageFailed',
      message: /replaced/,
    });
    await expect(downloadToFile(wanted({ sizeBytes: 7 }))).rejects.toMatchObject({ code: 'StorageFailed' });
    storage.faults.push(...Array.from({ length: 9 }, () => '503' as const));
    await expect(downloadToFile(wanted())).rejects.toMatchObject({ code: 'Unavailable' });
    storage.faults.length = 0;
    storage.faults.push(...Array.from({ length: 9 }, () => 'expire' as const));
    await expect(downloadToFile(wanted())).rejects.toMatchObject({ code: 'AccessDenied' });
  });
});

/** Runs a module of TypeScript with an argument and the file's name, in a process that can be killed. */
function inProcess(source: string, argument: string): ReturnType<typeof spawn> {
  const args = ['--input-type=module-typescript', '--eval', source, argument, file];
  return spawn(process.execPath, args, { stdio: 'inherit' });
}
