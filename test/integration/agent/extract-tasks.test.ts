import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ListedEntry } from '#shared/model/extract.ts';
import type { ExtractTask } from '#shared/model/task.ts';
import { systemExec } from '#agent/host/exec.ts';
import { systemMounts } from '#agent/host/mounts.ts';
import { silentLog } from '#agent/log.ts';
import { until } from '#test/support/until.ts';
import { openObjectStorage, type FakeObjectStorage } from '../archives/support/fake-object-storage.ts';
import { startRig, type Rig } from './support/agent.ts';
import { copyOf } from './support/copy-of.ts';
import { metadata } from './support/metadata.ts';
import { run } from './support/sandbox.ts';

/** The agent's part of browse and extract: what it reads of a copy, and what it sends. */
let rig: Rig;
let storage: FakeObjectStorage;
let path: string;

async function start(fs: string): Promise<void> {
  rig = await startRig();
  storage = await openObjectStorage();
  rig.cloud.archives = {
    signExportParts: async (_, { attempt, parts }) => [...(await storage.urlsOf(attempt)(parts))],
    completeExport: (_, { attempt }) => {
      storage.object = storage.complete(attempt);
      return Promise.resolve();
    },
    importSource: () => Promise.reject(new TypeError('nothing is imported')),
  };
  await rig.plugin('Create', { Name: 'data', Opts: { size: '1G', filesystem: fs } });
  path = (await rig.plugin('Mount', { Name: 'data', ID: 'one' })).Mountpoint ?? '';
  await mkdir(join(path, 'db'));
  await writeFile(join(path, 'db', 'data.sql'), 'rows');
  await writeFile(join(path, 'empty'), '');
  await symlink('/etc', join(path, 'etc'));
}
afterEach(async () => {
  await rig.close();
  await storage.close();
});

/** The volume is in use while its copy is read: of an XFS both have the same UUID. */
async function ask(parts: Pick<ExtractTask, 'path' | 'form'>) {
  const task: ExtractTask = {
    ...(await copyOf(rig, { name: 'data', path })),
    ...parts,
    kind: 'extract',
    operationId: `op-${randomUUID().replaceAll('-', '').slice(0, 26)}`,
    epoch: 1,
    deadline: new Date(Date.now() + 60_000).toISOString(),
    begun: false,
    backupId: `bak-${'0'.repeat(26)}`,
    metadata,
  };
  rig.cloud.tasks.push(task);
  rig.daemon().wake();
  return until('the task is reported', () => rig.cloud.results.get(task.operationId));
}

async function copiesMounted(): Promise<string[]> {
  const mounted = await systemMounts(systemExec(silentLog)).list();
  return mounted
    .map(({ mountpoint }) => mountpoint)
    .filter((one) => one.startsWith(join(rig.root, 'verify')));
}

describe.each(['ext4', 'xfs'])('what is read of a backup (%s)', (fs) => {
  beforeEach(() => start(fs));

  it('is the names in a directory, a line each', async () => {
    expect(await ask({ form: 'listing', path: '' })).toMatchObject({
      outcome: 'done',
      transfer: { files: 3, form: 'listing' },
    });
    const lines = storage.object.toString().trimEnd().split('\n');
    const entries = lines.map((line) => ListedEntry.parse(JSON.parse(line)));
    expect(entries.map(({ name, kind, target }) => [name, kind, target])).toEqual([
      ['db', 'directory', undefined],
      ['empty', 'file', undefined],
      ['etc', 'symlink', '/etc'],
    ]);
    expect(await copiesMounted()).toEqual([]);
  });

  it('is a file as it is, an empty one too', async () => {
    expect(await ask({ form: 'content', path: 'db/data.sql' })).toMatchObject({
      outcome: 'done',
      transfer: { files: 1, form: 'file' },
    });
    expect(storage.object.toString()).toBe('rows');
    expect(await ask({ form: 'content', path: 'empty' })).toMatchObject({ outcome: 'done' });
    expect(storage.object).toHaveLength(0);
    expect(await copiesMounted()).toEqual([]);
  });

  it('is a directory as an archive that plain tar unpacks', async () => {
    expect(await ask({ form: 'content', path: 'db' })).toMatchObject({
      outcome: 'done',
      transfer: { files: 1, form: 'archive' },
    });
    const folder = await mkdtemp(join(tmpdir(), 'extracted-'));
    await writeFile(join(folder, 'a.tar.gz'), storage.object);
    const { stdout } = await run('tar', ['-xzOf', join(folder, 'a.tar.gz'), './data.sql']);
    expect(stdout).toBe('rows');
    await rm(folder, { recursive: true });
  });

  it.each(['etc', 'etc/hostname', 'none', '../../../etc/hostname'])(
    'is refused for %s, and nothing stays mounted',
    async (wanted) => {
      expect(await ask({ form: 'content', path: wanted })).toMatchObject({
        outcome: 'failed',
        error: { code: 'PathRefused' },
      });
      expect(await copiesMounted()).toEqual([]);
    },
  );
});
