import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pathToText } from '#shared/model/byte-path.ts';
import { ListedEntry } from '#shared/model/extract.ts';
import type { ArchiveTask, ReadArchiveTask, TaskResult } from '#shared/model/task.ts';
import { until } from '#test/support/until.ts';
import { openObjectStorage, type FakeObjectStorage } from '../archives/support/fake-object-storage.ts';
import { sh } from '../archives/support/filesystem.ts';
import { startRig, type Rig } from './support/agent.ts';
import { metadata } from './support/metadata.ts';

/** The agent's part of browse and extract of backups as files: the real restic, whose repository is a folder. */
let rig: Rig;
let storage: FakeObjectStorage;
let snapshotId: string;
/** Of the volume. */
let path: string;
/** Before parts are signed. */
let hold = (): Promise<void> => Promise.resolve();
/** Of restic in the agent's state folder. */
let folder: string;

/** Names and targets are bytes: `\x81` to `\x88` mean something to some shells, and a newline at the end is easily lost. */
const odd = 'odd-\xff\x81\x88 *[a]?"\\$x\n';
const plant = `
mkdir -p db/deeper empty-folder; printf rows >db/data.sql; : >empty; ln db/data.sql db/linked
chmod 4750 db/deeper; chown 7:8 db/deeper; setfattr -n user.note -v kept db/data.sql
setfacl -m u:77:r db/data.sql; setfattr -n user.folder -v kept db
ln -s /etc etc; ln -s ../data.sql db/deeper/way; mkfifo db/pipe; mknod db/disk b 7 0
head -c 9000000 /dev/urandom >db/random; truncate -s 3M db/holes; chmod 2711 db
touch -d '2020-02-02T02:02:02.5Z' db/data.sql; touch -d '2020-02-02T02:02:02Z' db`;

const bytes = (name: string): Buffer => Buffer.from(name, 'latin1');
/** Each run of restic takes its time to open the repository. */
const patience = { within: 120_000 };
const operationId = (): string => `op-${randomUUID().replaceAll('-', '').slice(0, 26)}`;

beforeAll(async () => {
  rig = await startRig();
  storage = await openObjectStorage();
  folder = join(rig.root, 'restic');
  rig.cloud.grantRepository = () =>
    Promise.resolve({
      url: '/cache/repositories/vol',
      region: 'us-east-1',
      password: 'one',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
  rig.cloud.archives = {
    signExportParts: async (_, { attempt, parts }) => {
      await hold();
      return [...(await storage.urlsOf(attempt)(parts))];
    },
    completeExport: (_, { attempt }) => {
      storage.object = storage.complete(attempt);
      return Promise.resolve();
    },
    importSource: () => Promise.reject(new TypeError('nothing is imported')),
  };
  await rig.plugin('Create', { Name: 'data', Opts: { size: '1G' } });
  path = (await rig.plugin('Mount', { Name: 'data', ID: 'one' })).Mountpoint ?? '';
  await sh(path, plant);
  const strange = Buffer.concat([Buffer.from(`${path}/`), bytes(odd)]);
  await mkdir(strange);
  await writeFile(Buffer.concat([strange, Buffer.from('/'), bytes(odd)]), 'strange');
  const made = await result({ ...common(), kind: 'archive', name: 'data', path: '/data/data' });
  snapshotId = made.snapshot?.snapshotId ?? '';
});
afterAll(async () => {
  await rig.close();
  await storage.close();
});

function common() {
  const { id: volumeId, epoch } = rig.cloud.volume('data');
  return {
    operationId: operationId(),
    volumeId,
    epoch,
    deadline: new Date(Date.now() + 600_000).toISOString(),
    begun: false,
    backupId: `bak-${'0'.repeat(26)}`,
    repository: { prefix: 'repositories/vol' },
  };
}

async function result(task: ArchiveTask | ReadArchiveTask): Promise<TaskResult> {
  rig.cloud.tasks.push(task);
  rig.daemon().wake();
  return until('the task is reported', () => rig.cloud.results.get(task.operationId), patience);
}

const taskOf = (wanted: string, form: ReadArchiveTask['form'] = 'content'): ReadArchiveTask => ({
  ...common(),
  kind: 'read-archive',
  path: '/data/data',
  snapshotId,
  wanted,
  form,
  metadata,
});
const ask = (wanted: string, parts: Partial<ReadArchiveTask> = {}): Promise<TaskResult> =>
  result({ ...taskOf(wanted), ...parts });

/** Beside the cache; and locks in the repository. */
async function left(): Promise<string[]> {
  const roots = (await readdir(folder)).filter((name) => name !== 'cache');
  return [...roots, ...(await readdir(join(folder, 'cache', 'repositories', 'vol', 'locks')))];
}

async function listed(wanted: string): Promise<ListedEntry[]> {
  expect(await ask(wanted, { form: 'listing' })).toMatchObject({
    outcome: 'done',
    transfer: { form: 'listing' },
  });
  const lines = storage.object.toString().split('\n').slice(0, -1);
  return lines.map((line) => ListedEntry.parse(JSON.parse(line)));
}

/** The archive that was sent, in a new folder. */
async function unpacked(): Promise<string> {
  const out = await mkdtemp(join(rig.sandbox.dir, 'out-'));
  const file = join(rig.sandbox.dir, 'sent.tar.gz');
  await writeFile(file, storage.object);
  await sh(out, `tar -xpf ${file} --xattrs --xattrs-include='*' --same-owner`);
  return out;
}

describe('what is read of a backup as files', () => {
  it('is the names in one directory, a line each, with what the files have', async () => {
    const root = await listed('');
    expect(root.map(({ name, kind, target }) => [name, kind, target])).toEqual([
      ['db', 'directory', undefined],
      ['empty', 'file', undefined],
      ['empty-folder', 'directory', undefined],
      ['etc', 'symlink', '/etc'],
      [pathToText(odd), 'directory', undefined],
    ]);
    const entries = new Map((await listed('db')).map((entry) => [entry.name, entry]));
    expect([...entries.keys()]).toEqual(['data.sql', 'deeper', 'disk', 'holes', 'linked', 'pipe', 'random']);
    expect(entries.get('data.sql')).toMatchObject({
      path: 'db/data.sql',
      size: 4,
      modifiedAt: '2020-02-02T02:02:02.500Z',
    });
    expect(entries.get('deeper')).toMatchObject({ mode: '4750', uid: 7, gid: 8 });
    for (const name of ['pipe', 'disk']) expect(entries.get(name)?.kind).toBe('other');
    expect(await listed('empty-folder')).toEqual([]);
    expect(await left()).toEqual([]);
  });

  it('is a file as it is, an empty one too, and one whose names are no text', async () => {
    const report = { outcome: 'done', transfer: { files: 1, form: 'file' } };
    expect(await ask('db/data.sql')).toMatchObject(report);
    expect(storage.object.toString()).toBe('rows');
    expect(await ask('empty')).toMatchObject(report);
    expect(storage.object).toHaveLength(0);
    expect(await ask(pathToText(`${odd}/${odd}`))).toMatchObject(report);
    expect(storage.object.toString()).toBe('strange');
    expect((await listed(pathToText(odd))).map(({ path }) => path)).toEqual([pathToText(`${odd}/${odd}`)]);
    expect(await left()).toEqual([]);
  });

  it('is a directory as an archive that plain tar unpacks, with what the files have', async () => {
    const done = await ask('db');
    expect(done).toMatchObject({ outcome: 'done', transfer: { files: 4, form: 'archive' } });
    expect(done.transfer?.notes).toEqual(['left out: ./disk', 'left out: ./pipe']);
    const out = await unpacked();
    const look = `cd db; cmp random "${out}/random"; cmp holes "${out}/holes"; cd "${out}"
      find . -not -type d -printf '%P %y %m %U:%G %l\\n' -o -printf '%P %y %m %U:%G\\n' | sort
      stat -c '%Y' .; getfattr --only-values -n user.note linked; echo; getfattr --only-values -n user.folder .; echo
      getfacl -n data.sql | grep user:77`;
    expect((await sh(path, look)).split('\n')).toEqual([
      ' d 2711 0:0',
      'data.sql f 644 0:0 ',
      'deeper d 4750 7:8',
      'deeper/way l 777 0:0 ../data.sql',
      'holes f 644 0:0 ',
      'linked f 644 0:0 ',
      'random f 644 0:0 ',
      '1580608922',
      'kept',
      'kept',
      'user:77:r--',
      '',
    ]);
    expect(await left()).toEqual([]);
  });

  it('is the root as an archive, with names that are no text', async () => {
    expect(await ask('')).toMatchObject({ outcome: 'done', transfer: { form: 'archive' } });
    const names = await readdir(await unpacked(), { encoding: 'latin1' });
    expect(names.toSorted()).toEqual(['db', 'empty', 'empty-folder', 'etc', odd]);
  });
});

describe('what is not read', () => {
  it('is what a link leads to', async () => {
    expect(await ask('etc/hostname')).toMatchObject({
      outcome: 'failed',
      error: { code: 'PathRefused', detail: '"etc" is a link to "/etc"; links are not followed.' },
    });
    expect(await left()).toEqual([]);
  });

  it('is a snapshot, or a repository, that is gone', async () => {
    expect(await ask('db', { snapshotId: '0'.repeat(64) })).toMatchObject({
      outcome: 'failed',
      error: { code: 'BackupNotFound', detail: expect.stringContaining('not in its repository any more') },
    });
    const { grantRepository } = rig.cloud;
    rig.cloud.grantRepository = async (...call) => ({
      ...(await grantRepository(...call)),
      url: '/cache/no',
    });
    const gone = await ask('db').finally(() => (rig.cloud.grantRepository = grantRepository));
    expect(gone).toMatchObject({
      error: { code: 'BackupNotFound', detail: 'The repository of the backup is gone.' },
    });
    expect(await left()).toEqual([]);
  });

  it('is what the repository has lost: a part is not sent as the whole', async () => {
    const packs = join(folder, 'cache', 'repositories', 'vol', 'data');
    const found = await sh(packs, `find . -type f -printf '%s %P\\n' | sort -rn | head -1 | cut -d' ' -f2`);
    const pack = found.trim();
    await sh(
      packs,
      `cp ${pack} ../kept; chmod u+w ${pack}; truncate -s 1000 ../zeros
      dd if=../zeros of=${pack} bs=1000 seek=$(($(stat -c %s ${pack}) / 2000)) conv=notrunc status=none`,
    );
    const completed = rig.cloud.countOf('completeExport');
    for (const wanted of ['db/random', 'db'])
      expect(await ask(wanted)).toMatchObject({ outcome: 'failed', error: { code: 'CommandFailed' } });
    await sh(packs, `mv ../kept ${pack}`);
    expect(rig.cloud.countOf('completeExport')).toBe(completed);
    expect(await left()).toEqual([]);
  });
});

describe('an agent that ends while it reads', () => {
  it('leaves it to the next one, and nothing of it behind', async () => {
    const begun = rig.cloud.countOf('signExportParts');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    hold = () => held;
    const task = taskOf('db');
    const ended = result(task);
    await until('it sends', () => rig.cloud.countOf('signExportParts') > begun, patience);
    hold = () => Promise.resolve();
    await rig.restart();
    release();
    expect(await ended).toMatchObject({ outcome: 'done' });
    await until('the earlier one has ended too', async () => (await left()).length === 0, patience);
  });

  it('by a kill leaves what the next one removes', async () => {
    await mkdir(join(folder, operationId()));
    const draft = join(folder, 'cache', `draft-${randomUUID()}`);
    await mkdir(join(draft, 'keys'), { recursive: true });
    await rig.restart();
    expect(await left()).toEqual([]);
    expect(await readdir(join(folder, 'cache'))).not.toContain(basename(draft));
    expect(await ask('empty')).toMatchObject({ outcome: 'done' });
  });
});
