import { expect, it } from 'vitest';
import { answerTask } from '#shared/aws/table/backup-writes.ts';
import { keys } from '#shared/aws/table/keys.ts';
import { put } from '#shared/aws/table/writes.ts';
import { CreateBackup } from '#shared/model/backup.ts';
import type { BackupItem, OperationItem, TaskItem } from '#shared/model/items.ts';
import { CreateVolume } from '#shared/model/volume.ts';
import { createBackup } from '#functions/backups/create-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { createVolume } from '#functions/volumes/create-volume.ts';
import { call, hostA, World } from '#test/unit/workers/support/world.ts';
import { everywhere, type Killer, untilItEnds } from './support/killer.ts';

const sides = ['crash-before', 'crash-after'] as const;

async function stage({ next, store }: Killer): Promise<World> {
  const world = new World({ workerStore: store, repositoryFault: next });
  await world.addHost(hostA);
  const body = CreateVolume.parse({ name: 'folder', type: 'hostpath', options: { path: '/data/folder' } });
  await createVolume(world.api, call(), body);
  return world;
}

async function beginBackup(world: World): Promise<OperationItem> {
  const { body } = await createBackup(world.api, call(), { volume: 'folder', ...CreateBackup.parse({}) });
  return world.operation(body.id);
}

async function backedUp(world: World): Promise<BackupItem> {
  const { id, backup = '' } = await beginBackup(world);
  await runToEnd(world, id);
  const item = await world.table.readBackup(backup);
  expect(item?.state).toBe('available');
  return item as BackupItem;
}

/** The host does what it is asked for. */
async function answer(world: World, task: TaskItem): Promise<void> {
  const at = world.clock().toISOString();
  const snapshot = { snapshotId: 'a'.repeat(64), at, files: 1, sizeBytes: 10, addedBytes: 1, notes: [] };
  const result = { outcome: 'done', ...(task.kind === 'archive' ? { snapshot } : {}) } as const;
  await world.table.transact(answerTask(task, result));
}

/** With a host that answers. */
const runToEnd = (world: World, id: string): Promise<OperationItem> =>
  untilItEnds(world, id, async () => {
    const at = world.clock().toISOString();
    await world.table.transact([put('seen', { hostId: hostA, bootId: 'boot', at })]);
    const task = await world.table.read('task', keys.task(id));
    if (task !== undefined && task.result === undefined) await answer(world, task);
  });

const leftovers = (world: World): string[] =>
  [...world.store.items.values()].flatMap(({ entity }) =>
    ['hostTask', 'step', 'backing'].includes(String(entity)) ? [String(entity)] : [],
  );

it.each(sides)('a backup as files survives a %s of each effect', async (side) => {
  const effects = await everywhere(side, async (killer) => {
    const world = await stage(killer);
    const { id, backup = '' } = await beginBackup(world);
    killer.begin();
    expect((await runToEnd(world, id)).status).toBe('succeeded');
    expect(await world.table.readBackup(backup)).toMatchObject({ state: 'available' });
    expect(leftovers(world)).toEqual([]);
  });
  expect(effects).toBeGreaterThan(1);
});

it.each(sides)('a restore of files survives a %s of each effect', async (side) => {
  const effects = await everywhere(side, async (killer) => {
    const world = await stage(killer);
    const { id: backup } = await backedUp(world);
    const request = { backup, name: 'copy', options: { path: '/data/copy' } };
    const { body } = await restoreBackup(world.api, call(), request);
    killer.begin();
    expect((await runToEnd(world, body.id)).status).toBe('succeeded');
    const { volume } = await world.volume('copy');
    expect([volume.state, volume.filling]).toEqual(['available', undefined]);
    expect((await world.table.readBackup(backup))?.users).toEqual([]);
    expect(leftovers(world)).toEqual([]);
  });
  expect(effects).toBeGreaterThan(1);
});

it.each(sides)('the removal of one of two survives a %s of each effect', async (side) => {
  const effects = await everywhere(side, async (killer) => {
    const world = await stage(killer);
    const { id } = await backedUp(world);
    const other = await backedUp(world);
    const { body } = await deleteBackup(world.api, call(), { backup: id });
    killer.begin();
    expect((await runToEnd(world, body.id)).status).toBe('succeeded');
    expect(await world.table.readBackup(id)).toBeUndefined();
    expect(await world.table.readBackup(other.id)).toMatchObject({ state: 'available' });
    expect(leftovers(world)).toEqual([]);
  });
  expect(effects).toBeGreaterThan(2);
});

it.each(sides)('the removal of the last one survives a %s of each effect', async (side) => {
  const effects = await everywhere(side, async (killer) => {
    const world = await stage(killer);
    const { id, volumeId } = await backedUp(world);
    const repository = { prefix: `repositories/${volumeId}` };
    world.repositories.objects.set(repository.prefix, 25);
    await world.repositories.password(repository);
    const { body } = await deleteBackup(world.api, call(), { backup: id });
    killer.begin();
    expect((await runToEnd(world, body.id)).status).toBe('succeeded');
    expect(await world.table.readBackup(id)).toBeUndefined();
    expect(world.repositories.objects.get(repository.prefix)).toBe(0);
    expect(world.repositories.passwords.size).toBe(0);
    expect(leftovers(world)).toEqual([]);
  });
  expect(effects).toBeGreaterThan(8);
});
