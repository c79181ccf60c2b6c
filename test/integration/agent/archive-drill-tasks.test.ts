import { randomUUID } from 'node:crypto';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTask, TaskResult, VerifyArchiveTask } from '#shared/model/task.ts';
import { until } from '#test/support/until.ts';
import { startRig, type Rig } from './support/agent.ts';
import { openBucket, type Bucket } from './support/bucket.ts';

/** The agent's part of a drill of an archive: the manifest beside restic, the restore, and the look into it. */
let rig: Rig;
let bucket: Bucket;
let made: Omit<VerifyArchiveTask, 'operationId' | 'deadline'>;
const backupId = `bak-${'0'.repeat(26)}`;
const repository = { prefix: 'repositories/vol' };
/** As the product says: what changed so shortly before the cut is not compared. */
const clockMargin = 5_000;

beforeAll(async () => {
  rig = await startRig();
  bucket = await openBucket();
  rig.cloud.bucket = bucket.url;
  rig.cloud.repository = {
    // In the agent's cache, which restic sees: a folder in place of S3.
    url: '/cache/repositories/vol',
    region: 'us-east-1',
    password: 'p',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  };
  await rig.plugin('Create', { Name: 'data', Opts: { size: '1G' } });
  const path = (await rig.plugin('Mount', { Name: 'data', ID: 'one' })).Mountpoint ?? '';
  for (let n = 0; n < 20; n++) await writeFile(join(path, `file-${n}`), `content ${n}`);
  const { ctimeMs } = await stat(join(path, 'file-19'));
  await until('its files are older than the margin', () =>
    Promise.resolve(Date.now() > ctimeMs + clockMargin + 100),
  );
  made = await archive();
});
afterAll(async () => {
  await bucket.close();
  await rig.close();
});

const newId = () => `op-${randomUUID().replaceAll('-', '').slice(0, 26)}`;
const soon = () => new Date(Date.now() + 60_000).toISOString();

async function ask(task: HostTask): Promise<TaskResult> {
  rig.cloud.tasks.push(task);
  rig.daemon().wake();
  const { operationId } = task;
  return until('the task is reported', () => Promise.resolve(rig.cloud.results.get(operationId)));
}

/** A backup, and what its drill is told of it. */
async function archive(): Promise<typeof made> {
  const { id: volumeId, epoch } = rig.cloud.volume('data');
  const common = { volumeId, epoch, begun: false, backupId, repository, path: '/data/data' } as const;
  const operationId = newId();
  const { snapshot } = await ask({ ...common, kind: 'archive', operationId, name: 'data', deadline: soon() });
  const manifest = await until('its manifest is written', () =>
    Promise.resolve(rig.cloud.manifests.get(operationId)),
  );
  const { snapshotId = '', files = 0, sizeBytes = 0 } = snapshot ?? {};
  return {
    ...common,
    kind: 'verify-archive',
    snapshotId,
    files,
    sizeBytes,
    manifest,
    patienceSeconds: 60,
  };
}

const drill = (parts: Partial<VerifyArchiveTask> = {}): Promise<TaskResult> =>
  ask({ ...made, operationId: newId(), deadline: soon(), ...parts });

const left = async (): Promise<string[]> => [
  ...(await readdir(join(rig.root, 'drills')).catch(() => [])),
  ...(await readdir(join(rig.root, 'manifests')).catch(() => [])),
];

describe('a drill of an archive', () => {
  it('compares with the manifest that was made beside it, and leaves nothing', async () => {
    expect(made.manifest).toMatchObject({ entries: 20, hashed: 20 });
    const { outcome, verify } = await drill({ check: { command: 'cat file-7', timeoutSeconds: 10 } });
    expect(outcome).toBe('done');
    expect(verify).toMatchObject({
      outcome: 'passed',
      archive: true,
      manifest: true,
      compared: 20,
      hashed: 20,
      check: { code: 0, output: 'content 7' },
    });
    await until('nothing is left', async () => (await left()).length === 0);
  });

  it('with another manifest than the control plane knows fails, and restores nothing', async () => {
    const own = bucket.objects.get('/manifest') ?? Buffer.from('');
    bucket.objects.set('/manifest', Buffer.from('other'));
    expect(await drill()).toMatchObject({ outcome: 'failed', error: { code: 'StorageFailed' } });
    bucket.objects.set('/manifest', own);
    expect(await left()).toEqual([]);
  });

  it('that has not the room is told so, and restores nothing', async () => {
    expect(await drill({ sizeBytes: 2 ** 50 })).toMatchObject({ error: { code: 'LimitExceeded' } });
    expect(await left()).toEqual([]);
  });

  it('that takes too long ends', async () => {
    expect(
      await drill({ patienceSeconds: 1, check: { command: 'sleep 2', timeoutSeconds: 10 } }),
    ).toMatchObject({ error: { code: 'TimedOut' } });
    expect(await left()).toEqual([]);
  });

  it('whose agent is stopped in the middle goes on with the next agent', async () => {
    const flag = join(rig.sandbox.dir, 'flag');
    const command = `test -e ${flag} || { touch ${flag}; sleep 3; }`;
    const drilled = drill({ check: { command, timeoutSeconds: 30 } });
    await until('the check runs', async () => (await readdir(rig.sandbox.dir)).includes('flag'));
    // As if the agent had been killed: what it had restored is still there.
    await mkdir(join(rig.root, 'drills', 'op-killed', 'tree'), { recursive: true });
    await rig.restart();
    rig.daemon().wake();
    expect((await drilled).verify).toMatchObject({ outcome: 'passed' });
    await until('nothing is left', async () => (await left()).length === 0);
  });
});
