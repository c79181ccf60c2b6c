import { expect, it } from 'vitest';
import { keys } from '#shared/aws/table/keys.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { call, hostA, type World } from '#test/unit/workers/support/world.ts';
import { everywhere, type Killer, untilItEnds } from './support/killer.ts';
import { backedUp, begin, beginRestore, look, seen, worldWith } from './support/recovery-world.ts';

function stage(killer: Killer): Promise<World> {
  const { next, store } = killer;
  return worldWith(['shared'], { workerStore: store, recoveryFault: next, pointFault: next });
}

/** With a host that answers. */
const runToEnd = (world: World, id: string): Promise<OperationItem> =>
  untilItEnds(world, id, async () => {
    await seen(world, hostA);
    const task = await world.table.read('task', keys.task(id));
    if (task !== undefined && task.result === undefined) await look(world, task);
  });

const leftovers = (world: World): string[] => [
  ...world.points.wanted.filter(({ path }) => path === '/').map(() => 'an access point at the root'),
  ...[...world.store.items.values()].flatMap(({ entity }) =>
    ['hostTask', 'step', 'restoring', 'sharedJob', 'backing'].includes(String(entity))
      ? [String(entity)]
      : [],
  ),
];

it.each(['crash-before', 'crash-after'] as const)('a backup survives a %s of each effect', async (side) => {
  const effects = await everywhere(side, async (killer) => {
    const world = await stage(killer);
    const { id, backup = '' } = await begin(world, 'shared');
    killer.begin();
    expect((await runToEnd(world, id)).status).toBe('succeeded');
    expect(await world.table.readBackup(backup)).toMatchObject({ state: 'available' });
    expect(world.recovery.points.size).toBe(1);
    expect(leftovers(world)).toEqual([]);
  });
  expect(effects).toBeGreaterThan(4);
});

it.each(['crash-before', 'crash-after'] as const)('a restore survives a %s of each effect', async (side) => {
  const effects = await everywhere(side, async (killer) => {
    const world = await stage(killer);
    const backup = await backedUp(world);
    const id = await beginRestore(world, backup, 'copy');
    killer.begin();
    expect((await runToEnd(world, id)).status).toBe('succeeded');
    expect(world.recovery.begun.restores).toBe(1);
    expect(world.points.wanted).toHaveLength(2);
    expect((await world.volume('copy')).volume.state).toBe('available');
    expect(leftovers(world)).toEqual([]);
  });
  expect(effects).toBeGreaterThan(12);
});

it.each(['crash-before', 'crash-after'] as const)(
  'one in place survives a %s of each effect',
  async (side) => {
    const effects = await everywhere(side, async (killer) => {
      const world = await stage(killer);
      const backup = await backedUp(world);
      const before = (await world.volume('shared')).volume;
      const request = { backup: backup.id, name: 'shared', inPlace: true };
      const { body } = await restoreBackup(world.backupsApi, call(), request);
      killer.begin();
      const operation = await runToEnd(world, body.id);
      expect(operation.status).toBe('succeeded');
      expect(world.recovery.begun.restores).toBe(1);
      expect(world.points.wanted).toHaveLength(2);
      const { volume } = await world.volume('shared');
      expect(volume.state).toBe('available');
      expect(volume.storage).not.toEqual(before.storage);
      expect((await world.byId(operation.kept ?? '')).volume).toMatchObject({ storage: before.storage });
      expect(leftovers(world)).toEqual([]);
    });
    expect(effects).toBeGreaterThan(12);
  },
);

it.each(['crash-before', 'crash-after'] as const)('a removal survives a %s of each effect', async (side) => {
  const effects = await everywhere(side, async (killer) => {
    const world = await stage(killer);
    const backup: BackupItem = await backedUp(world);
    const { body } = await deleteBackup(world.api, call(), { backup: backup.id });
    killer.begin();
    expect((await runToEnd(world, body.id)).status).toBe('succeeded');
    expect(world.recovery.points.size).toBe(0);
    expect(await world.table.readBackup(backup.id)).toBeUndefined();
    const shared = [...world.store.items.values()].filter(({ entity }) =>
      String(entity).startsWith('shared'),
    );
    expect(shared).toEqual([]);
    expect(leftovers(world)).toEqual([]);
  });
  expect(effects).toBeGreaterThan(4);
});
