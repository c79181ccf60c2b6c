import { expect } from 'vitest';
import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { put } from '#shared/aws/table/writes.ts';
import { CreateBackup, RestoreBackup } from '#shared/model/backup.ts';
import type { BackupItem, OperationItem, TaskItem } from '#shared/model/items.ts';
import { restorePrefix } from '#shared/model/restored-directory.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { call, existing, hostA, World, type WorldOptions } from '#test/unit/workers/support/world.ts';

export const network = { type: 'network', size: undefined, availabilityZone: undefined } as const;

export async function worldWith(names: readonly string[], options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  await world.addHost(hostA);
  for (const name of names) {
    await world.run(await world.create(name, network));
    await mountOnce(world, name);
  }
  return world;
}

/** A first mount makes the directory. */
export async function mountOnce(world: World, name: string): Promise<void> {
  const { volume } = await world.volume(name);
  await world.table.transact([put('used', { volumeId: volume.id, at: world.clock().toISOString() })]);
  world.recovery.directories.add(pathOf(volume.storage));
}

export const pathOf = (storage: object | undefined): string =>
  String((storage as { path?: string })?.path ?? '');

export async function begin(world: World, volume: string): Promise<OperationItem> {
  const { body } = await createBackup(world.api, call(), { volume, ...CreateBackup.parse({}) });
  return world.operation(body.id);
}

/** What a policy's run does: a backup that names its run. */
export async function beginInRun(world: World, volume: string, run: string): Promise<OperationItem> {
  const request = {
    volume,
    ...CreateBackup.parse({ consistency: 'freeze' }),
    origin: 'policy',
    run,
  } as const;
  const { body } = await createBackup(world.api, call(), request);
  return world.operation(body.id);
}

/** Their executions, turn by turn. */
export async function runAll(world: World, operations: readonly OperationItem[]): Promise<OperationItem[]> {
  for (let turn = 0; turn < 200; turn++) {
    for (const { id } of operations) await world.step(id);
    world.pass(2);
  }
  const ended: OperationItem[] = [];
  for (const { id } of operations) ended.push(await world.operation(id));
  return ended;
}

export const statuses = (operations: readonly OperationItem[]) => operations.map(({ status }) => status);

export async function backupOf(world: World, { backup = '' }: OperationItem): Promise<BackupItem> {
  return existing(await world.table.readBackup(backup), backup);
}

export async function backedUp(world: World, name = 'shared'): Promise<BackupItem> {
  const ended = await world.run((await begin(world, name)).id);
  expect(ended).toMatchObject({ status: 'succeeded', progress: 100 });
  return backupOf(world, ended);
}

export async function remove(world: World, { id }: BackupItem): Promise<OperationItem> {
  const { body } = await deleteBackup(world.api, call(), { backup: id });
  return world.run(body.id);
}

export async function seen(world: World, hostId: string): Promise<void> {
  await world.table.transact([put('seen', { hostId, bootId: 'boot', at: world.clock().toISOString() })]);
}

export async function beginRestore(world: World, backup: BackupItem, name: string): Promise<string> {
  const request = { backup: backup.id, ...RestoreBackup.parse({ name }) };
  return (await restoreBackup(world.api, call(), request)).body.id;
}

/** Invocations until a host is asked. */
export async function untilAsked(world: World, operation: string): Promise<TaskItem> {
  for (let turn = 0; turn < 100; turn++) {
    const task = await world.table.read('task', keys.task(operation));
    if (task !== undefined && task.result === undefined) return task;
    await seen(world, hostA);
    world.pass(Math.max(1, (await world.step(operation)).waitSeconds));
  }
  return existing<TaskItem>(undefined, `task of ${operation}`);
}

/** What the host would say: the names of the directories that hold the path. */
export async function look(world: World, task: TaskItem): Promise<string[]> {
  const path = task.kind === 'locate' ? task.path : '';
  const found = [...world.recovery.directories]
    .filter(
      (directory) => directory.startsWith(`/${restorePrefix}`) && directory.endsWith(path) && path !== '',
    )
    .map((directory) => directory.slice(1, -path.length));
  await world.table.transact(answerTask(task, { outcome: 'done', found }));
  return found;
}

export async function restored(world: World, backup: BackupItem, name: string): Promise<OperationItem> {
  const operation = await beginRestore(world, backup, name);
  await look(world, await untilAsked(world, operation));
  return world.run(operation);
}

export const arnOf = ({ storage }: BackupItem): string =>
  storage?.kind === 'recovery-point' ? storage.recoveryPointArn : '';

/** Access points, directories that are not emptied, records and tasks, beside the one volume's own. */
export async function leftOf(world: World): Promise<unknown[]> {
  const { volume } = await world.volume('shared');
  const kept = pathOf(volume.storage);
  return [
    ...world.points.wanted.filter(({ path }) => path !== kept).map(({ path }) => path),
    ...[...world.store.items.values()].filter(
      ({ entity, id }) =>
        ['hostTask', 'step', 'restoring', 'purge', 'hostPurge'].includes(String(entity)) ||
        (entity === 'volume' && id !== volume.id),
    ),
  ];
}
