import { appendFile, cp, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemExec } from '#agent/host/exec.ts';
import { systemMounts } from '#agent/host/mounts.ts';
import { silentLog } from '#agent/log.ts';
import { verifyFiles } from '#agent/verify/verify-files.ts';
import type { VerifyReport } from '#shared/model/verify.ts';
import { openSandbox, type Sandbox } from './support/sandbox.ts';

/** What a host finds in a restored directory of a network volume, over real directories and mounts. */
const mounts = systemMounts(systemExec(silentLog));

let sandbox: Sandbox;
let [live, copy, directory] = ['', '', ''];
/** When the backup was cut. */
let cutMs = 0;

beforeEach(async () => {
  sandbox = await openSandbox();
  [live, copy, directory] = ['live', 'copy', 'verify'].map((name) => join(sandbox.dir, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(join(live, 'deep', 'deeper'), { recursive: true });
  for (let n = 0; n < 5; n++) await writeFile(join(live, `file-${n}`), `${n}`.repeat(5_000));
  await writeFile(join(live, 'deep', 'deeper', 'settled'), 'settled');
  await symlink('file-0', join(live, 'link'));
  await tick();
  cutMs = Date.now();
  await tick();
  await cp(live, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
});
afterEach(async () => {
  expect((await mounts.list()).filter(({ mountpoint }) => mountpoint.startsWith(directory))).toEqual([]);
  expect(await readdir(directory).catch(() => [])).toEqual([]);
  await sandbox.close();
});

/** Until the clock of files is past this moment: it moves in steps of some milliseconds. */
async function tick(): Promise<void> {
  const from = Date.now();
  while (Date.now() - from < 20) await new Promise((resolve) => setImmediate(resolve));
}

const bound = (source: string) => ({ source, fstype: 'none', options: ['bind', 'ro'] });

function verify(
  parts: { live?: boolean; command?: string; patienceMs?: number } = {},
): Promise<VerifyReport> {
  return verifyFiles(
    { mounts, directory },
    {
      id: 'op-one',
      copy: bound(copy),
      live: parts.live === false ? undefined : bound(live),
      settledBeforeMs: cutMs,
      check: parts.command === undefined ? undefined : { command: parts.command, timeoutMs: 10_000 },
      patienceMs: parts.patienceMs ?? 60_000,
      stopping: new AbortController().signal,
    },
  );
}

describe('a restored directory', () => {
  it('that is as the volume passes, and every file of it was read', async () => {
    expect(await verify({ command: 'test "$(cat deep/deeper/settled)" = settled' })).toMatchObject({
      outcome: 'passed',
      manifest: false,
      live: true,
      entries: 9,
      hashed: 6,
      compared: 9,
      wrong: 0,
      check: { code: 0 },
    });
  });

  it('passes though the volume was written to since the cut', async () => {
    await appendFile(join(live, 'file-0'), 'more');
    await writeFile(join(live, 'new'), 'new');
    await rm(join(live, 'file-1'));
    await rename(join(live, 'deep'), join(live, 'renamed'));
    expect(await verify()).toMatchObject({ outcome: 'passed', wrong: 0 });
  });

  it('in which a file is missing fails', async () => {
    await rm(join(copy, 'deep', 'deeper', 'settled'));
    const report = await verify();
    expect(report).toMatchObject({ outcome: 'failed', wrong: 1 });
    expect(report.mismatches).toEqual(['"deep/deeper/settled": is missing']);
  });

  it('in which a file holds other bytes of the same length fails', async () => {
    await writeFile(join(copy, 'file-3'), 'x'.repeat(5_000));
    const report = await verify();
    expect(report.mismatches).toEqual(['"file-3": its contents differ']);
  });

  it('that is of another recovery point fails', async () => {
    await rm(copy, { recursive: true });
    await mkdir(copy);
    await writeFile(join(copy, 'other'), 'of another volume');
    const report = await verify();
    expect(report.outcome).toBe('failed');
    expect(report.mismatches).toContain('"file-0": is missing');
  });

  it('is only read where the volume is gone, and its check command may still fail it', async () => {
    expect(await verify({ live: false })).toMatchObject({
      outcome: 'passed',
      live: false,
      compared: 0,
      hashed: 6,
    });
    expect(await verify({ live: false, command: 'exit 3' })).toMatchObject({
      outcome: 'failed',
      check: { code: 3 },
    });
  });

  it('that cannot be read in time says so, and is unmounted', async () => {
    await expect(verify({ patienceMs: 0 })).rejects.toMatchObject({ code: 'TimedOut' });
  });
});
