import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ImportSource } from '#shared/model/archive-transfer.ts';
import type { FillTask, ImportTask, TaskResult } from '#shared/model/task.ts';
import { moveOut } from '#agent/archives/exchange.ts';
import { settleUnpack } from '#agent/archives/staging.ts';
import { Repository } from '#agent/restic/repository.ts';
import { openSession, type Session } from '#agent/restic/session.ts';
import { openObjectStorage, type FakeObjectStorage } from './support/fake-object-storage.ts';
import { exec, openDisks, sh, treeOf, type Disks } from './support/filesystem.ts';

const run = promisify(execFile);
const program = join(import.meta.dirname, 'support/mortal-host.main.ts');
const password = 'of one repository';
const MiB = 2 ** 20;

/** Names that both have, that one has, links across directories, a directory in place of a file, and bytes that are no text. */
const before = `
mkdir -p both/deeper onlyold ; echo old >both/deeper/file ; echo old >kind ; echo old >"$(printf 'a\\377b')"
ln both/deeper/file onlyold/link ; ln -s nowhere dangling ; chmod 0711 . ; chown 7:8 onlyold
touch -d '2002-02-02 02:02:02.5' both onlyold .
`;
const after = `
mkdir -p both/deeper kind ; echo new >both/deeper/file ; echo new >kind/inside ; echo new >onlynew
setfattr -n user.root -v new . ; chown 5:6 . ; chmod 0750 . ; touch -d '2003-03-03 03:03:03.25' both .
`;

/** Where the files come from. */
type Source = 'a backup' | 'a caller';
interface Asked {
  readonly task: FillTask | ImportTask;
  readonly source?: ImportSource;
}

let disks: Disks;
let folder: string;
let target: string;
let session: Session;
let storage: FakeObjectStorage;
let sources: Readonly<Record<Source, Asked>>;
let [old, wanted]: [string[], string[]] = [[], []];

const inDisks = (...parts: string[]): string => join(disks.dir, ...parts);

beforeAll(async () => {
  disks = await openDisks();
  for (const each of ['restic/cache/x', 'restic/root', 'shown', 'templates/before', 'templates/after'])
    await mkdir(inDisks(each), { recursive: true });
  folder = join(await disks.ext4('host', 64 * MiB), 'folder');
  await mkdir(folder);
  target = inDisks('shown');
  await run('mount', ['--bind', folder, target]);
  await sh(inDisks('templates/before'), before);
  await sh(inDisks('templates/after'), after);
  wanted = await treeOf(inDisks('templates/after'));
  old = await treeOf(inDisks('templates/before'));
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const grant = { url: '/cache/repositories/vol', region: 'us-east-1', password, credentials };
  session = await openSession({ grant: () => Promise.resolve(grant) });
  storage = await openObjectStorage();
  sources = { 'a backup': { task: await archived() }, 'a caller': await sent() };
});
afterAll(async () => {
  await session.close();
  await storage.close();
  await disks.close();
});

const place = { prefix: 'repositories/vol' };
const common = {
  operationId: `op-${'0'.repeat(26)}`,
  volumeId: `vol-${'0'.repeat(26)}`,
  epoch: 0,
  deadline: '2100-01-01T00:00:00.000Z',
  begun: false,
  name: 'folder',
};

/** What is to be restored, from a repository that has it. */
async function archived(): Promise<FillTask> {
  const places = { root: inDisks('restic/root'), cache: inDisks('restic/cache') };
  const repository = new Repository({ session, places, stopping: new AbortController().signal });
  await repository.open();
  const [backupId, path] = [`bak-${'0'.repeat(26)}`, '/data/folder'];
  const directory = inDisks('templates/after');
  const { snapshotId, files } = await repository.backup({ backupId, name: 'folder', directory, path });
  return { ...common, kind: 'fill', path, snapshotId, files, replace: true, backupId, repository: place };
}

/** The same as a tar.gz that waits to be fetched. */
async function sent(): Promise<Asked> {
  const file = inDisks('after.tar.gz');
  const kept = ['--format=posix', '--xattrs', '--acls', '--numeric-owner'];
  await run('tar', [...kept, '-czf', file, '-C', inDisks('templates/after'), '.']);
  storage.object = await readFile(file);
  const sha256 = createHash('sha256').update(storage.object).digest('hex');
  const source = { url: await storage.objectUrl(), sizeBytes: storage.object.length, sha256 };
  return { task: { ...common, kind: 'import', replace: true }, source };
}

/** The volume as it was before. */
beforeEach(reset);
async function reset(): Promise<void> {
  await sh(target, 'find . -mindepth 1 -delete; setfattr -x user.root . 2>/dev/null || true');
  await sh(inDisks('templates/before'), `cp --archive . ${target}`);
  await writeFile(inDisks('trace'), '');
}

/** One life of the process; undefined when it was killed. */
async function live(asked: Asked, killAt = 0): Promise<TaskResult | undefined> {
  const places = { target, resticFolder: inDisks('restic'), trace: inDisks('trace') };
  const mortal = JSON.stringify({ ...places, ...asked, killAt, password });
  try {
    return JSON.parse((await run(process.execPath, [program, mortal])).stdout) as TaskResult;
  } catch (error) {
    if (error instanceof Error && 'signal' in error && error.signal === 'SIGKILL') return undefined;
    throw error;
  }
}

/** Without what the agent itself keeps there. */
const content = async (): Promise<string[]> =>
  (await treeOf(target)).filter((line) => !line.includes('.hivemind-unpack'));
const withoutRootTime = (lines: string[]): string[] => lines.filter((line) => !line.startsWith(' d '));
const trace = async (): Promise<string[]> =>
  (await readFile(inDisks('trace'), 'utf8')).split('\n').slice(0, -1);

/** From here on it is rolled forward. */
const isLanding = (line: string): boolean => line.startsWith('rename') && line.endsWith('landing.new');
/** What changes a directory; before each of these the state is another one. */
const isStep = (line: string): boolean => /^(rename|rm|cp|report)/.test(line);

describe.each(['a backup', 'a caller'] as const)('files of %s in the place of others', (from) => {
  const begin = (killAt?: number): Promise<TaskResult | undefined> => live(sources[from], killAt);

  it('are all that is there afterwards, with the root of their own', async () => {
    expect(await begin()).toMatchObject({ outcome: 'done', transfer: { files: 3, notes: [] } });
    expect(await treeOf(target)).toEqual(wanted);
  });

  it('refill-whole: are there or are not, wherever the host was killed, once the next start has settled it', async () => {
    await begin();
    const effects = await trace();
    const [landing, report] = [effects.findIndex(isLanding), effects.indexOf('report')];
    const ends: string[] = [];
    for (const at of effects.flatMap((line, index) => (index >= landing && isStep(line) ? [index] : []))) {
      await reset();
      expect(await begin(at + 1)).toBeUndefined();
      // What was reported is cleared away: nothing of it is to be settled then.
      const isNew = (await settleUnpack(target, exec)) !== undefined || at > report;
      const found = { at: effects[at], lines: withoutRootTime(await content()) };
      expect(found).toEqual({ at: effects[at], lines: withoutRootTime(isNew ? wanted : old) });
      ends.push(isNew ? 'new' : 'old');
    }
    expect(ends.join(' ')).toMatch(/^old( new)+$/);
    expect(ends.length).toBeGreaterThan(10);
  }, 240_000);

  it('are there in the end when the task is done again after a kill in the midst of it', async () => {
    await begin();
    const effects = await trace();
    const moves = effects.flatMap((line, index) => (line.startsWith('rename') ? [index + 1] : []));
    for (const at of [moves[2], moves.at(-2), effects.indexOf('report') + 1]) {
      await reset();
      expect(await begin(at)).toBeUndefined();
      expect(await begin()).toMatchObject({ outcome: 'done', transfer: { files: 3 } });
      expect(await treeOf(target)).toEqual(wanted);
    }
  }, 60_000);

  it('are refused where what is there will not move, and all of that is put back', async () => {
    await run('chattr', ['+i', join(target, 'kind')]);
    try {
      expect(await begin()).toMatchObject({
        outcome: 'failed',
        asBefore: true,
        error: { detail: expect.stringContaining('cannot be moved out of the way') },
      });
      expect(withoutRootTime(await treeOf(target))).toEqual(withoutRootTime(old));
      expect(await settleUnpack(target, exec)).toBeUndefined();
    } finally {
      await run('chattr', ['-i', join(target, 'kind')]);
    }
  });

  it('refill-no-mounts: are refused before anything changes while something is mounted inside', async () => {
    await run('mount', ['-t', 'tmpfs', 'none', join(folder, 'both/deeper')]);
    try {
      expect(await begin()).toMatchObject({
        outcome: 'failed',
        asBefore: true,
        error: { code: 'VolumeBusy', detail: expect.stringContaining('both/deeper') },
      });
      expect((await trace()).filter((line) => line.startsWith('rename'))).toEqual([]);
    } finally {
      await run('umount', [join(folder, 'both/deeper')]);
    }
  });

  it('are refused where there is no room for both, and what is there stays', async () => {
    await sh(
      folder,
      'for size in 1M 4k; do dd if=/dev/zero of=large-$size bs=$size 2>/dev/null || true; done',
    );
    const result = await begin();
    expect(result).toMatchObject({ outcome: 'failed', asBefore: true });
    await sh(folder, 'rm large-*');
    expect(withoutRootTime(await treeOf(target))).toEqual(withoutRootTime(old));
  });
});

it('what was moved out is moved out once, also when it is begun again', async () => {
  const staging = join(target, '.hivemind-unpack');
  await mkdir(staging);
  await moveOut(target, staging, exec);
  await writeFile(join(target, 'moved in'), '');
  await moveOut(target, staging, exec);
  expect(await sh(target, 'ls')).toBe('moved in\n');
});
