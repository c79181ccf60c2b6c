import { hash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Import } from '#shared/model/archive-transfer.ts';
import { ProductError, type ErrorCode } from '#shared/model/errors.ts';
import type { Operation } from '#shared/model/operation.ts';
import { partBytesFor } from '#shared/model/transfer.ts';
import { answer, runCli, type Answers, type Ran } from './support/fake-world.ts';
import { anOperation, aVolume } from './support/values.ts';

const upload = 'op-01J0000000000000000000000P';
const guard = 'bak-01J0000000000000000000000G';
const archive = gzipSync(Buffer.alloc(1024));
const partBytes = partBytesFor(archive.length);
const restored = anOperation({ id: upload, kind: 'import', status: 'succeeded', progress: 100 });
const failed = (code: ErrorCode): Operation => ({
  ...restored,
  status: 'failed',
  error: { code, detail: 'It has not worked.' },
});

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hivemind-input-'));
  file = join(folder, 'db.tar.gz');
  writeFileSync(file, archive);
});
afterEach(() => rmSync(folder, { recursive: true }));

const anImport = (parts: Partial<Import> = {}): Import => ({
  id: upload,
  namespace: 'default',
  volumeId: aVolume().id,
  volume: 'db',
  state: 'receiving',
  sizeBytes: archive.length,
  partBytes,
  createdAt: '1970-01-01T00:00:00.000Z',
  ...parts,
});

/** An earlier run of the command has sent it all, and was killed. */
function sent(): void {
  const parts = [
    { partNumber: 1, sizeBytes: archive.length, sha256: hash('sha256', archive, 'base64'), etag: 'one' },
  ];
  const { mtimeNs } = statSync(file, { bigint: true });
  const state = { upload, sizeBytes: archive.length, mtime: `${mtimeNs}`, partBytes, parts };
  writeFileSync(`${file}.upload.json`, JSON.stringify(state));
}

/** Nobody signs a URL here: what is to be sent anew fails. */
const there: Answers = {
  getVolume: () => aVolume(),
  beginImport: () => answer(201, anImport()),
  getImport: () => anImport({ inPlace: true, report: { files: 2, notes: [] } }),
  completeImport: () => answer(202, { ...restored, guard }),
  getOperation: () => ({ ...restored, guard }),
};
const line = (...more: string[]): string[] => ['volume', 'restore', 'db', '--input', file, ...more];
const bodies = ({ calls }: Ran, route: string) =>
  calls.filter(({ name }) => name === route).map(({ body }) => body);

describe('hivemind volume restore --input', () => {
  it('onto a volume that may hold files asks first', async () => {
    const ran = await runCli(line(), { answers: there, person: true });
    expect(ran.asked).toEqual([`Replace what db holds with ${file}? What it holds now is kept.`]);
    expect(bodies(ran, 'beginImport')).toEqual([{ sizeBytes: archive.length, partBytes, inPlace: true }]);
    const declined = await runCli(line(), { answers: there, person: false });
    expect([declined.code, bodies(declined, 'beginImport')]).toEqual([1, []]);
  });

  it('in a script demands --yes of it', async () => {
    const refused = await runCli(line(), { answers: there });
    expect([refused.code, bodies(refused, 'beginImport')]).toEqual([2, []]);
    expect(refused.err).toContain('"db" exists, and would be replaced');
    expect(refused.err).toContain('--yes');
    const ran = await runCli(line('--yes', '--force'), { answers: there });
    expect(bodies(ran, 'beginImport')).toMatchObject([{ inPlace: true, force: true }]);
  });

  it('asks nobody about a volume that is blank', async () => {
    const blank = { ...there, getVolume: () => aVolume({ blank: true }) };
    const ran = await runCli(line('--force'), { answers: blank });
    expect(bodies(ran, 'beginImport')).toEqual([{ sizeBytes: archive.length, partBytes }]);
  });

  it('goes on where it was killed: asks again, and says what is kept', async () => {
    sent();
    expect((await runCli(line(), { answers: there })).code).toBe(2);
    const ran = await runCli(line('--force'), { answers: there, person: true });
    expect([ran.code, ran.asked.length, bodies(ran, 'beginImport')]).toEqual([0, 1, []]);
    expect(bodies(ran, 'completeImport')).toMatchObject([{ force: true }]);
    expect(ran.out).toBe(
      `Volume db is restored from ${file}: 2 files. What it held before is kept as ${guard}.`,
    );
  });

  it('goes on without a question with what was begun for an empty volume, or is unpacked already', async () => {
    sent();
    const plain = { ...there, getImport: () => anImport(), completeImport: () => answer(202, restored) };
    const empty = await runCli(line(), { answers: { ...plain, getOperation: () => restored } });
    expect([empty.code, bodies(empty, 'beginImport')]).toEqual([0, []]);
    expect(empty.out).not.toContain('What it held');
    sent();
    const unpacking = { ...there, getImport: () => anImport({ inPlace: true, state: 'unpacking' }) };
    const ran = await runCli(line(), { answers: unpacking });
    expect([ran.code, bodies(ran, 'completeImport')]).toEqual([0, []]);
    expect(ran.out).toContain(guard);
  });

  it('stays where it was when the volume is in use at the end, so that --force may go on', async () => {
    sent();
    const busy: Answers = {
      ...there,
      completeImport: ({ body }) => {
        if ((body as { force?: boolean }).force === true) return answer(202, { ...restored, guard });
        throw new ProductError('VolumeBusy', '"db" is in use on i-1.');
      },
    };
    expect((await runCli(line('--yes'), { answers: busy })).code).toBe(4);
    const ran = await runCli(line('--yes', '--force'), { answers: busy });
    expect([ran.code, bodies(ran, 'beginImport')]).toEqual([0, []]);
  });

  it.each<[string, Operation | ProductError, { kept: boolean }]>([
    ['its host has not answered', failed('TimedOut'), { kept: false }],
    ['it was refused', failed('StorageFailed'), { kept: false }],
    ['the API cannot be reached', new ProductError('Unavailable', 'It is away.'), { kept: true }],
    ['it is waited for no longer', { ...restored, status: 'running' }, { kept: true }],
  ])('keeps the note of what was sent while it may be used: %s', async (_what, status, { kept }) => {
    sent();
    const getOperation = () => {
      if (status instanceof ProductError) throw status;
      return status;
    };
    const completeImport = () => answer(202, { ...restored, status: 'running' });
    const ran = await runCli(line('--yes'), { answers: { ...there, completeImport, getOperation } });
    expect([ran.code === 0, existsSync(`${file}.upload.json`)]).toEqual([false, kept]);
  });
});
