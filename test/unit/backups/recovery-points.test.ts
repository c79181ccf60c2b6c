import { describe, expect, it } from 'vitest';
import { answerTask, claimBacking, createBackup as createWrites } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { answerPurge, startOperation } from '#shared/aws/table/volume-writes.ts';
import { put } from '#shared/aws/table/writes.ts';
import { CreateBackup, RestoreBackup } from '#shared/model/backup.ts';
import type { BackupItem, OperationItem, TaskItem } from '#shared/model/items.ts';
import { restorePrefix } from '#shared/model/restored-directory.ts';
import { newBackup } from '#shared/model/rules-backup.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { newOperation } from '#functions/volumes/intent.ts';
import { failure, type RecoveryFault } from '#test/fakes/fake-recovery-points.ts';
import { call, existing, hostA, hostB, World, type WorldOptions } from '#test/unit/workers/support/world.ts';

const network = { type: 'network', size: undefined, availabilityZone: undefined } as const;

async function worldWith(names: readonly string[], options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  await world.addHost(hostA);
  for (const name of names) {
    await world.run(await world.create(name, network));
    await mountOnce(world, name);
  }
  return world;
}

/** A first mount makes the directory. */
async function mountOnce(world: World, name: string): Promise<void> {
  const { volume } = await world.volume(name);
  await world.table.transact([put('used', { volumeId: volume.id, at: world.clock().toISOString() })]);
  world.recovery.directories.add(pathOf(volume.storage));
}

const pathOf = (storage: object | undefined): string => String((storage as { path?: string })?.path ?? '');

async function begin(world: World, volume: string): Promise<OperationItem> {
  const { body } = await createBackup(world.api, call(), { volume, ...CreateBackup.parse({}) });
  return world.operation(body.id);
}

/** What a policy's run does: a backup that names its run. */
async function beginInRun(world: World, name: string, run: string): Promise<OperationItem> {
  const record = await world.volume(name);
  const { volume } = record;
  const id = `bak-${world.api.newId()}`;
  const parts = { kind: 'backup', driver: 'backup', backup: id, message: '' } as const;
  const operation = newOperation(world.api, call(), { volume, parts });
  const backup = newBackup(record, {
    id,
    origin: 'policy',
    consistency: 'none',
    description: '',
    caller: 'policy',
    region: 'us-east-1',
    now: world.clock(),
    operation: operation.id,
    run,
  });
  const backing = {
    volumeId: volume.id,
    backupId: id,
    operationId: operation.id,
    since: operation.createdAt,
  };
  await world.table.transact([claimBacking(backing), ...createWrites(backup), ...startOperation(operation)]);
  return operation;
}

/** Their executions, turn by turn. */
async function runAll(world: World, operations: readonly OperationItem[]): Promise<OperationItem[]> {
  for (let turn = 0; turn < 200; turn++) {
    for (const { id } of operations) await world.step(id);
    world.pass(2);
  }
  const ended: OperationItem[] = [];
  for (const { id } of operations) ended.push(await world.operation(id));
  return ended;
}

const statuses = (operations: readonly OperationItem[]) => operations.map(({ status }) => status);

async function backupOf(world: World, { backup = '' }: OperationItem): Promise<BackupItem> {
  return existing(await world.table.readBackup(backup), backup);
}

async function backedUp(world: World, name = 'shared'): Promise<BackupItem> {
  const ended = await world.run((await begin(world, name)).id);
  expect(ended).toMatchObject({ status: 'succeeded', progress: 100 });
  return backupOf(world, ended);
}

async function remove(world: World, { id }: BackupItem): Promise<OperationItem> {
  const { body } = await deleteBackup(world.api, call(), { backup: id });
  return world.run(body.id);
}

async function seen(world: World, hostId: string): Promise<void> {
  await world.table.transact([put('seen', { hostId, bootId: 'boot', at: world.clock().toISOString() })]);
}

async function beginRestore(world: World, backup: BackupItem, name: string): Promise<string> {
  const request = { backup: backup.id, ...RestoreBackup.parse({ name }) };
  return (await restoreBackup(world.api, call(), request)).body.id;
}

/** Invocations until a host is asked. */
async function untilAsked(world: World, operation: string): Promise<TaskItem> {
  for (let turn = 0; turn < 100; turn++) {
    const task = await world.table.read('task', keys.task(operation));
    if (task !== undefined && task.result === undefined) return task;
    await seen(world, hostA);
    world.pass(Math.max(1, (await world.step(operation)).waitSeconds));
  }
  return existing<TaskItem>(undefined, `task of ${operation}`);
}

/** What the host would say: the names of the directories that hold the path. */
async function look(world: World, task: TaskItem): Promise<string[]> {
  const path = task.kind === 'locate' ? task.path : '';
  const found = [...world.recovery.directories]
    .filter(
      (directory) => directory.startsWith(`/${restorePrefix}`) && directory.endsWith(path) && path !== '',
    )
    .map((directory) => directory.slice(1, -path.length));
  await world.table.transact(answerTask(task, { outcome: 'done', found }));
  return found;
}

async function restored(world: World, backup: BackupItem, name: string): Promise<OperationItem> {
  const operation = await beginRestore(world, backup, name);
  await look(world, await untilAsked(world, operation));
  return world.run(operation);
}

describe('a backup of a network volume', () => {
  it('is a recovery point of its file system, and no point in time', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const { volume } = await world.volume('shared');
    expect(backup).toMatchObject({
      kind: 'recovery-point',
      state: 'available',
      consistency: 'none',
      pointInTime: false,
      storage: {
        kind: 'recovery-point',
        fileSystemId: world.points.fileSystemId,
        path: pathOf(volume.storage),
      },
    });
    expect([...world.recovery.points.keys()]).toEqual([arnOf(backup)]);
    expect(world.recovery.points.get(arnOf(backup))?.tags).toMatchObject({
      'hivemind:product': 'hivemind-volumes',
    });
  });

  it('that was never mounted is refused: it has no directory yet', async () => {
    const world = new World();
    await world.run(await world.create('shared', network));
    await expect(begin(world, 'shared')).rejects.toMatchObject({ code: 'IllegalState' });
  });

  it('frozen is refused: many hosts may write', async () => {
    const world = await worldWith(['shared']);
    const request = { volume: 'shared', ...CreateBackup.parse({ consistency: 'freeze' }) };
    await expect(createBackup(world.api, call(), request)).rejects.toMatchObject({ code: 'NotSupported' });
  });

  it('waits for that of another run, as AWS takes one job at a time', async () => {
    const world = await worldWith(['one', 'two']);
    const ended = await runAll(world, [await begin(world, 'one'), await begin(world, 'two')]);
    expect(statuses(ended)).toEqual(['succeeded', 'succeeded']);
    expect(world.recovery.points.size).toBe(2);
  });

  it.each(['lost-answer', 'throttle', 'crash-after', 'crash-before'] as const)(
    'is made by one job in spite of: %s',
    async (fault) => {
      let times = 1;
      const recoveryFault = (action: string): RecoveryFault | undefined =>
        action === 'startBackup' && times-- > 0 ? fault : undefined;
      const world = await worldWith(['shared'], { recoveryFault });
      const { id } = await begin(world, 'shared');
      await world.run(id).catch(() => undefined);
      world.pass(60);
      expect((await world.run(id)).status).toBe('succeeded');
      expect(world.recovery.begun.backups).toBe(1);
    },
  );

  it('that AWS cannot make fails with its words, and the next is another job', async () => {
    let fails = true;
    const world = await worldWith(['shared'], {
      recoveryFault: (action) => (action === 'startBackup' && fails ? 'fail' : undefined),
    });
    const ended = await world.run((await begin(world, 'shared')).id);
    expect(ended).toMatchObject({ status: 'failed', error: { detail: expect.stringContaining(failure) } });
    const failed = await backupOf(world, ended);
    expect(failed).toMatchObject({ state: 'failed', reason: expect.stringContaining(failure) });
    expect((await remove(world, failed)).status).toBe('succeeded');
    fails = false;
    await backedUp(world);
  });

  it('that AWS refuses fails, and gives way to others', async () => {
    let refuses = true;
    const world = await worldWith(['one', 'two'], {
      recoveryFault: (action) => (action === 'startBackup' && refuses ? 'refuse' : undefined),
    });
    const ended = await world.run((await begin(world, 'one')).id);
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'AccessDenied' } });
    refuses = false;
    await backedUp(world, 'two');
  });
});

const arnOf = ({ storage }: BackupItem): string =>
  storage?.kind === 'recovery-point' ? storage.recoveryPointArn : '';

describe('backups of one run', () => {
  async function ofOneRun(names = ['one', 'two', 'three']) {
    const world = await worldWith(names);
    const begun: OperationItem[] = [];
    for (const name of names) begun.push(await beginInRun(world, name, 'run-1'));
    const ended = await runAll(world, begun);
    expect(statuses(ended)).toEqual(names.map(() => 'succeeded'));
    const backups: BackupItem[] = [];
    for (const operation of ended) backups.push(await backupOf(world, operation));
    return { world, backups };
  }

  it('share one recovery point', async () => {
    const { world, backups } = await ofOneRun();
    expect(new Set(backups.map(arnOf)).size).toBe(1);
    expect(world.recovery.begun.backups).toBe(1);
  });

  it('point-shared: it is removed with the last of them, and not before', async () => {
    const { world, backups } = await ofOneRun();
    const [first, second, last] = backups;
    for (const backup of [first, second]) {
      expect((await remove(world, existing(backup, 'backup'))).status).toBe('succeeded');
      expect(world.recovery.points.size).toBe(1);
    }
    expect((await remove(world, existing(last, 'backup'))).status).toBe('succeeded');
    expect(world.recovery.points.size).toBe(0);
    expect(
      [...world.store.items.values()].filter(({ entity }) => String(entity).startsWith('shared')),
    ).toEqual([]);
  });

  it('removed all at once leave nothing', async () => {
    const { world, backups } = await ofOneRun();
    const removals: OperationItem[] = [];
    for (const { id } of backups) {
      const { body } = await deleteBackup(world.api, call(), { backup: id });
      removals.push(await world.operation(body.id));
    }
    expect(statuses(await runAll(world, removals))).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(world.recovery.points.size).toBe(0);
  });

  it('and one that comes while the last is removed gets a recovery point of its own', async () => {
    const { world, backups } = await ofOneRun(['one']);
    const late = await worldJoin(world);
    const { body } = await deleteBackup(world.api, call(), { backup: existing(backups[0], 'backup').id });
    await world.step(body.id); // closes the point
    await world.step(late.id); // may not join it
    expect((await world.run(body.id)).status).toBe('succeeded');
    expect((await world.run(late.id)).status).toBe('succeeded');
    const arn = arnOf(await backupOf(world, late));
    expect([...world.recovery.points.keys()]).toEqual([arn]);
  });

  it('fail together when the job does', async () => {
    const world = await worldWith(['one', 'two'], {
      recoveryFault: (action) => (action === 'startBackup' ? 'fail' : undefined),
    });
    const begun = [await beginInRun(world, 'one', 'run-1'), await beginInRun(world, 'two', 'run-1')];
    const ended = await runAll(world, begun);
    expect(statuses(ended)).toEqual(['failed', 'failed']);
    for (const { error } of ended) expect(error?.detail).toContain(failure);
  });

  async function worldJoin(world: World): Promise<OperationItem> {
    await world.run(await world.create('late', network));
    await mountOnce(world, 'late');
    return beginInRun(world, 'late', 'run-1');
  }
});

describe('a restore of a recovery point', () => {
  it('is a new access point rooted at the restored directory, which it does not make', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    expect((await restored(world, backup, 'copy')).status).toBe('succeeded');
    const { volume } = await world.volume('copy');
    const source = (await world.volume('shared')).volume;
    expect(volume).toMatchObject({ state: 'available', type: 'network', storage: { kind: 'efs' } });
    const path = pathOf(volume.storage);
    expect(path).toMatch(new RegExp(`^/aws-backup-restore_[^/]+/volumes/${source.id}$`));
    expect(world.recovery.directories.has(path)).toBe(true);
    const point = world.points.wanted.find((wanted) => wanted.path === path);
    expect(point?.owner).toBeUndefined();
    expect(world.points.wanted.some((wanted) => wanted.path === '/')).toBe(false);
    expect((await world.table.readHost(hostA))?.tasks).toEqual([]);
  });

  it('restored-directory: takes the one that this job made, and none in doubt', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    await restored(world, backup, 'first');
    world.pass(60);
    const operation = await beginRestore(world, backup, 'second');
    const found = await look(world, await untilAsked(world, operation));
    expect(found).toHaveLength(2);
    expect((await world.run(operation)).status).toBe('succeeded');
    const [first, second] = [await world.volume('first'), await world.volume('second')];
    expect(pathOf(second.volume.storage)).not.toBe(pathOf(first.volume.storage));

    world.pass(60);
    const doubtful = await beginRestore(world, backup, 'third');
    const task = await untilAsked(world, doubtful);
    const [real = ''] = (await look(world, task)).slice(-1);
    const answered = existing(await world.table.read('task', keys.task(doubtful)), 'task');
    const twin = real.replace(/\d\dZ$/, '99Z');
    await world.table.transact([
      put('task', { ...answered, result: { outcome: 'done', found: [real, twin] } }),
    ]);
    expect(await world.run(doubtful)).toMatchObject({ status: 'failed', error: { code: 'StorageFailed' } });
    expect(world.points.wanted.some((wanted) => wanted.path === '/')).toBe(false);
  });

  it('of the same volume waits for another one', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const first = await beginRestore(world, backup, 'first');
    await world.step(first);
    const second = await beginRestore(world, backup, 'second');
    await world.step(second);
    expect((await world.operation(second)).message).toContain('another restore');
    await look(world, await untilAsked(world, first));
    expect((await world.run(first)).status).toBe('succeeded');
    world.pass(5);
    await look(world, await untilAsked(world, second));
    expect((await world.run(second)).status).toBe('succeeded');
  });

  it('asks another host when the first does not answer', async () => {
    const world = await worldWith(['shared']);
    await world.addHost(hostB);
    const backup = await backedUp(world);
    const operation = await beginRestore(world, backup, 'copy');
    const asked = await untilAsked(world, operation);
    world.pass(600);
    await seen(world, hostB);
    await world.step(operation);
    const again = existing(await world.table.read('task', keys.task(operation)), 'task');
    expect([asked.hostId, again.hostId]).toEqual([hostA, hostB]);
    expect((await world.table.readHost(hostA))?.tasks).toEqual([]);
    await look(world, again);
    expect((await world.run(operation)).status).toBe('succeeded');
  });

  it.each(['lost-answer', 'throttle', 'crash-after', 'crash-before'] as const)(
    'is one job in spite of: %s',
    async (fault) => {
      let times = 1;
      const recoveryFault = (action: string): RecoveryFault | undefined =>
        action === 'startRestore' && times-- > 0 ? fault : undefined;
      const world = await worldWith(['shared'], { recoveryFault });
      const backup = await backedUp(world);
      const operation = await beginRestore(world, backup, 'copy');
      for (let turn = 0; turn < 3; turn++) await world.step(operation).catch(() => undefined);
      world.pass(60);
      await look(world, await untilAsked(world, operation));
      expect((await world.run(operation)).status).toBe('succeeded');
      expect(world.recovery.begun.restores).toBe(1);
    },
  );

  it('that AWS cannot do fails with its words, and holds nothing', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    world.recovery.points.get(arnOf(backup))?.holds.clear();
    const ended = await world.run(await beginRestore(world, backup, 'copy'));
    expect(ended).toMatchObject({
      status: 'failed',
      error: { detail: expect.stringContaining('/volumes/') },
    });
    const { id } = (await world.volume('shared')).volume;
    expect(await world.table.read('restoring', keys.restoring(id))).toBeUndefined();
    await world.run(await world.delete('copy', { purge: true }));
    expect((await remove(world, backup)).status).toBe('succeeded');
  });

  it('keeps its backup from being removed until it is done', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const operation = await beginRestore(world, backup, 'copy');
    await expect(remove(world, backup)).rejects.toMatchObject({ code: 'BackupInUse' });
    await look(world, await untilAsked(world, operation));
    await world.run(operation);
    expect((await remove(world, backup)).status).toBe('succeeded');
    expect(world.recovery.points.size).toBe(0);
  });

  it('may not be backed up again: it would lie too deep', async () => {
    const world = await worldWith(['shared']);
    await restored(world, await backedUp(world), 'copy');
    await expect(begin(world, 'copy')).rejects.toMatchObject({ code: 'NotSupported' });
  });
});

describe('a network volume whose storage is freed', () => {
  /** The host empties what it is asked to. */
  async function purge(world: World, name: string): Promise<{ id: string; emptied: string }> {
    const { volume } = await world.volume(name);
    await seen(world, hostA);
    await world.delete(name, { purge: true });
    const [operation = ''] = await world.purge();
    for (let turn = 0; turn < 3; turn++) await world.step(operation);
    const emptied = world.points.wanted.at(-1)?.path ?? '';
    const record = await world.byId(volume.id);
    await world.table.transact(answerPurge(existing(record.purge, 'purge')));
    expect((await world.run(operation)).status).toBe('succeeded');
    return { id: volume.id, emptied };
  }

  it('keeps its record for its backups, comes back from one, and is forgotten with the last', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    const { id } = await purge(world, 'shared');
    expect((await world.byId(id)).volume.state).toBe('purged');
    expect((await restored(world, backup, 'shared')).status).toBe('succeeded');
    expect((await world.volume('shared')).volume.id).not.toBe(id);
    expect((await remove(world, backup)).status).toBe('succeeded');
    expect(await world.table.readVolume(id)).toBeUndefined();
  });

  it('and was restored has just its restored directory emptied', async () => {
    const world = await worldWith(['shared']);
    await restored(world, await backedUp(world), 'copy');
    const path = pathOf((await world.volume('copy')).volume.storage);
    const { id, emptied } = await purge(world, 'copy');
    expect(emptied).toBe(path);
    expect(await world.table.readVolume(id)).toBeUndefined();
  });
});
