import { expect, it } from 'vitest';
import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { parseItem, put } from '#shared/aws/table/writes.ts';
import type { TaskItem } from '#shared/model/items.ts';
import { UpdatePolicy, type Policy } from '#shared/model/policy.ts';
import type { TaskResult } from '#shared/model/task.ts';
import { CreateVolume } from '#shared/model/volume.ts';
import { updatePolicy } from '#functions/policies/change-policy.ts';
import { previewPolicy } from '#functions/policies/preview-policy.ts';
import { createVolume } from '#functions/volumes/create-volume.ts';
import { done, failed as broken, passed } from '#test/unit/backups/support/drills.ts';
import { call, hostA } from '#test/unit/workers/support/world.ts';
import { PolicyWorld } from './support/policy-world.ts';

const minio = {
  endpoint: 'https://minio.example:9000',
  bucket: 'backups',
  region: 'us-east-1',
  credentialsSecret: 'hivemind/endpoints/minio',
};

/** A world whose host does what it is asked for, at once. */
class WorkingWorld extends PolicyWorld {
  readonly answered: TaskItem[] = [];
  isUp = true;
  /** What it says of each drill. */
  verdict: TaskResult = done({ ...passed, archive: true, mark: false });

  /** The host syncs. */
  async heardOf(): Promise<void> {
    const at = this.clock().toISOString();
    await this.table.transact([put('seen', { hostId: hostA, bootId: 'boot', at })]);
  }

  override async workOperations(): Promise<void> {
    if (this.isUp) await this.heardOf();
    await super.workOperations();
    const asked = [...this.store.items.values()].filter(({ entity }) => entity === 'hostTask');
    for (const item of asked) await this.#answer(parseItem('hostTask', item));
  }

  async #answer(task: TaskItem): Promise<void> {
    this.answered.push(task);
    const snapshotId = String(this.answered.length).padStart(64, '0');
    const at = this.clock().toISOString();
    const snapshot = { snapshotId, at, files: 1, sizeBytes: 10, addedBytes: 1, notes: [] };
    const result = { outcome: 'done', ...(task.kind === 'archive' ? { snapshot } : {}) } as const;
    await this.table.transact(answerTask(task, task.kind === 'verify-archive' ? this.verdict : result));
  }

  of(kind: TaskItem['kind']): TaskItem[] {
    return this.answered.filter((task) => task.kind === kind);
  }
}

async function worldWith(volumes: Readonly<Record<string, 'local' | 'hostpath'>>): Promise<WorkingWorld> {
  const world = new WorkingWorld();
  await world.addHost(hostA);
  for (const [name, type] of Object.entries(volumes)) {
    if (type === 'local') await world.filled(name);
    else
      await createVolume(
        world.api,
        call(),
        CreateVolume.parse({ name, type, options: { path: `/data/${name}` }, labels: { backup: 'true' } }),
      );
  }
  return world;
}

it('a run makes each volume’s native backup, and one as files where there is none', async () => {
  const world = await worldWith({ disk: 'local', folder: 'hostpath' });
  await world.policy({});
  expect(await world.runNow()).toMatchObject({
    state: 'succeeded',
    counts: { made: 2, failed: 0, skipped: 0 },
  });
  expect((await world.backupsOf('disk'))[0]).toMatchObject({ kind: 'snapshot' });
  expect((await world.backupsOf('folder'))[0]).toMatchObject({ kind: 'archive', origin: 'policy' });
});

it('a run with restic makes all of them as files', async () => {
  const world = await worldWith({ disk: 'local', folder: 'hostpath' });
  const policy = await world.policy({ engine: 'restic' });
  expect(policy).toMatchObject({ engine: 'restic' });
  expect(await world.runNow()).toMatchObject({ state: 'succeeded', counts: { made: 2 } });
  for (const name of ['disk', 'folder'])
    expect((await world.backupsOf(name))[0]).toMatchObject({ kind: 'archive', consistency: 'none' });
});

it('a run that freezes what can be frozen reads files as they are', async () => {
  const world = await worldWith({ disk: 'local', folder: 'hostpath' });
  await world.policy({ consistency: 'freeze' });
  expect(await world.runNow()).toMatchObject({ state: 'succeeded', counts: { made: 2 } });
  expect((await world.backupsOf('disk'))[0]).toMatchObject({ kind: 'snapshot', consistency: 'freeze' });
  expect((await world.backupsOf('folder'))[0]).toMatchObject({ kind: 'archive', consistency: 'none' });
});

it('a policy with a bucket of one’s own puts its files there until it has none, and says so before', async () => {
  const world = await worldWith({ folder: 'hostpath' });
  expect(await world.policy({ engine: 'restic', repository: minio })).toMatchObject({ repository: minio });
  expect(await previewPolicy(world.ports, { namespace: 'default', policy: 'nightly' }, {})).toMatchObject({
    repository: minio,
  });
  await world.runNow();
  const [there] = await world.backupsOf('folder');
  expect(there?.storage).toMatchObject({ repository: { other: minio } });
  expect(world.of('archive')[0]).toMatchObject({ repository: { other: minio } });

  const update = async (parts: Partial<UpdatePolicy>): Promise<Policy> =>
    (await updatePolicy(world.ports, call(), { policy: 'nightly', update: UpdatePolicy.parse(parts) })).body;
  await expect(update({ engine: 'native' })).rejects.toMatchObject({ code: 'InvalidInput' });
  await expect(update({ consistency: 'freeze' })).rejects.toMatchObject({ code: 'InvalidInput' });
  await update({ description: 'nightly files' });
  expect((await update({ repository: null, engine: 'native' })).repository).toBeUndefined();
  world.pass(60);
  await world.heardOf();
  await world.runNow();
  expect(world.of('archive')[1]).not.toHaveProperty('repository.other');
});

it('retention keeps as many as it says, and has a host forget the others', async () => {
  const world = await worldWith({ folder: 'hostpath' });
  await world.policy({ retention: { last: 2 } });
  for (let day = 0; day < 4; day++) {
    await world.heardOf();
    expect(await world.runNow()).toMatchObject({ state: 'succeeded', counts: { made: 1 } });
    for (let turn = 0; turn < 20; turn++) {
      await world.workOperations();
      world.pass(5);
    }
    world.pass(86_400);
  }
  const kept = await world.backupsOf('folder');
  expect(kept).toHaveLength(2);
  expect(world.of('archive')).toHaveLength(4);
  expect(world.of('forget')).toHaveLength(2);
  expect(kept.every(({ state }) => state === 'available')).toBe(true);
});

it('a run without a host that could read the files waits for one, and then says that it failed', async () => {
  const world = await worldWith({ folder: 'hostpath' });
  await world.policy({});
  world.isUp = false;
  world.pass(86_400);
  const run = await world.runNow();
  expect(run).toMatchObject({ state: 'failed', counts: { made: 0, failed: 1, skipped: 0 } });
});

const drilled = { drill: '0 4 * * 0', objective: '90d' } as const;
const error = { code: 'NotSupported', detail: 'restic is not installed' };

it('a run of drills proves archives too, those of directories and those that a policy makes with restic', async () => {
  const world = await worldWith({ disk: 'local', folder: 'hostpath' });
  await world.policy({ ...drilled, engine: 'restic' });
  await world.runNow();
  await world.heardOf();
  expect(await world.runNow('nightly', 'drill')).toMatchObject({ state: 'succeeded', counts: { made: 2 } });
  expect(world.of('verify-archive')).toHaveLength(2);
  for (const name of ['disk', 'folder'])
    expect((await world.backupsOf(name))[0]).toMatchObject({
      drill: { outcome: 'passed', host: hostA },
      verified: { restoreSeconds: expect.any(Number) },
    });
});

it('a directory whose drill no host can do, for want of restic, is overdue and never passed', async () => {
  const world = await worldWith({ folder: 'hostpath' });
  const { id } = await world.policy(drilled);
  await world.runNow();
  world.verdict = { outcome: 'failed', error };
  await world.heardOf();
  expect(await world.runNow('nightly', 'drill')).toMatchObject({ state: 'failed', counts: { failed: 1 } });
  await world.watch();
  expect(world.counts(id)).toMatchObject({ overdueDrills: 1, failedDrills: 0 });
});

it('a directory whose last drill is older than the drills’ objective is overdue', async () => {
  const world = await worldWith({ folder: 'hostpath' });
  const { id } = await world.policy(drilled);
  await world.runNow();
  await world.heardOf();
  await world.runNow('nightly', 'drill');
  world.pass(13 * 86_400);
  await world.watch();
  expect(world.counts(id)).toMatchObject({ overdueDrills: 0 });
  world.pass(2 * 86_400);
  await world.watch();
  expect(world.counts(id)).toMatchObject({ overdueDrills: 1, failedDrills: 0 });
});

it('a directory whose archive is not whole counts as a failed drill', async () => {
  const world = await worldWith({ folder: 'hostpath' });
  const { id } = await world.policy(drilled);
  await world.runNow();
  world.verdict = done(broken);
  await world.heardOf();
  expect(await world.runNow('nightly', 'drill')).toMatchObject({ state: 'failed' });
  await world.watch();
  expect(world.counts(id)).toMatchObject({ failedDrills: 1 });
});
