import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProductError, type ErrorCode } from '#shared/model/errors.ts';
import type { Operation } from '#shared/model/operation.ts';
import { answer, runCli, type Answers } from './support/fake-world.ts';
import { anOperation } from './support/values.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hivemind-output-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const packing = anOperation({ kind: 'export', status: 'running', progress: 10 });
const failed = (code: ErrorCode): Operation => ({
  ...packing,
  status: 'failed',
  error: { code, detail: 'It has not worked.' },
});

describe('hivemind volume backup --output', () => {
  it.each<[string, Operation | ProductError, { kept: boolean }]>([
    ['its host has not answered', failed('TimedOut'), { kept: false }],
    ['it was refused', failed('StorageFailed'), { kept: false }],
    ['the API cannot be reached', new ProductError('Unavailable', 'It is away.'), { kept: true }],
    ['it is waited for no longer', packing, { kept: true }],
  ])('keeps the note of what is packed while it may be used: %s', async (_what, status, { kept }) => {
    const file = join(folder, 'db.tar.gz');
    const answers: Answers = {
      createExport: () => answer(202, packing),
      getOperation: () => {
        if (status instanceof ProductError) throw status;
        return status;
      },
    };
    const ran = await runCli(['volume', 'backup', 'db', '--output', file], { answers });
    expect([ran.code === 0, existsSync(`${file}.export.json`)]).toEqual([false, kept]);
  });
});
