import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ListedEntry } from '#shared/model/extract.ts';
import type { ExtractFilesTask } from '#shared/model/task.ts';
import { systemExec } from '#agent/host/exec.ts';
import { systemMounts, type Mounts } from '#agent/host/mounts.ts';
import { silentLog } from '#agent/log.ts';
import { createRunner } from '#agent/reconcile/runner.ts';
import { extractFiles } from '#agent/tasks/extract-files.ts';
import { openObjectStorage, type FakeObjectStorage } from '../archives/support/fake-object-storage.ts';
import { metadata } from './support/metadata.ts';
import { openSandbox, type Sandbox } from './support/sandbox.ts';

/** What a host reads of a restored directory of a recovery point, over real directories and mounts, and sends. */
const mounts = systemMounts(systemExec(silentLog));
let sandbox: Sandbox;
let storage: FakeObjectStorage;
let [copy, directory] = ['', ''];
/** What was mounted, and how. */
let mounted: string[] = [];

beforeEach(async () => {
  sandbox = await openSandbox();
  storage = await openObjectStorage();
  mounted = [];
  [copy, directory] = [join(sandbox.dir, 'copy'), join(sandbox.dir, 'verify')];
  await mkdir(join(copy, 'db'), { recursive: true });
  await writeFile(join(copy, 'db', 'data.sql'), 'rows');
  await symlink('/etc', join(copy, 'etc'));
});
afterEach(async () => {
  expect((await mounts.list()).filter(({ mountpoint }) => mountpoint.startsWith(directory))).toEqual([]);
  expect(await readdir(directory).catch(() => [])).toEqual([]);
  await storage.close();
  await sandbox.close();
});

/** A directory in place of EFS, read-only as it is asked for. */
const efsMounts: Mounts = {
  ...mounts,
  async mount({ source, target, options }) {
    mounted.push(`${source} ${options.join(',')}`);
    await mounts.bind(copy, target);
    await mounts.remount(target, ['bind', ...options.filter((option) => option === 'ro')]);
  },
};

const api = {
  signExportParts: async (
    _: string,
    { attempt, parts }: { attempt: string; parts: Parameters<ReturnType<FakeObjectStorage['urlsOf']>>[0] },
  ) => [...(await storage.urlsOf(attempt)(parts))],
  completeExport: (_: string, { attempt }: { attempt: string }) => {
    storage.object = storage.complete(attempt);
    return Promise.resolve();
  },
};

function read(parts: Pick<ExtractFilesTask, 'path' | 'form'>) {
  const task: ExtractFilesTask = {
    ...parts,
    kind: 'extract-files',
    operationId: `op-${'0'.repeat(26)}`,
    volumeId: `vol-${'0'.repeat(26)}`,
    epoch: 0,
    deadline: '2026-11-29T02:10:00.000Z',
    begun: false,
    backupId: `bak-${'0'.repeat(26)}`,
    copy: { fileSystemId: 'fs-1', accessPointId: 'fsap-copy' },
    metadata,
  };
  return extractFiles({ mounts: efsMounts, directory, api, runner: createRunner() }, task);
}

it('is the names in a directory, read through the copy’s own access point, read-only', async () => {
  expect(await read({ form: 'listing', path: '' })).toMatchObject({
    outcome: 'done',
    transfer: { files: 2, form: 'listing' },
  });
  const lines = storage.object.toString().trimEnd().split('\n');
  const entries = lines.map((line) => ListedEntry.parse(JSON.parse(line)));
  expect(entries.map(({ name, kind }) => [name, kind])).toEqual([
    ['db', 'directory'],
    ['etc', 'symlink'],
  ]);
  const [how = '', ...more] = mounted;
  expect(more).toEqual([]);
  expect(how).toMatch(/^fs-1:\/ /);
  expect(how.split(/[ ,]/)).toEqual(
    expect.arrayContaining(['accesspoint=fsap-copy', 'ro', 'nosuid', 'nodev', 'noexec']),
  );
});

it('is a file as it is, or a directory as an archive', async () => {
  expect(await read({ form: 'content', path: 'db/data.sql' })).toMatchObject({
    outcome: 'done',
    transfer: { files: 1, form: 'file' },
  });
  expect(storage.object.toString()).toBe('rows');
  expect(await read({ form: 'content', path: 'db' })).toMatchObject({ transfer: { form: 'archive' } });
});

it.each(['etc', 'etc/hostname', 'none'])('is refused for %s, and nothing stays mounted', async (path) => {
  await expect(read({ form: 'content', path })).rejects.toMatchObject({ code: 'PathRefused' });
});
