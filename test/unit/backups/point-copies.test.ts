import { describe, expect, it } from 'vitest';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import { copyBackup } from '#functions/backups/copy-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { drillBackup } from '#functions/backups/drill-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { sweep } from '#functions/sweep/sweep.ts';
import { failure, fakeVault, type RecoveryFault } from '#test/fakes/fake-recovery-points.ts';
import { abroad, call, existing, type World, type WorldOptions } from '#test/unit/workers/support/world.ts';
import {
  arnOf,
  backedUp,
  backupOf,
  beginInRun,
  pathOf,
  remove,
  restored,
  runAll,
  statuses,
  worldWith,
} from './support/recovery-world.ts';

const home = 'us-east-1';

async function begin(world: World, { id }: BackupItem, region = abroad): Promise<OperationItem> {
  const { body } = await copyBackup(world.backupsApi, call(), { backup: id, region, description: '' });
  return world.operation(body.id);
}

async function copied(world: World, source: BackupItem, region = abroad): Promise<BackupItem> {
  const operation = await world.run((await begin(world, source, region)).id);
  expect(operation).toMatchObject({ kind: 'copyBackup', status: 'succeeded', progress: 100 });
  return backupOf(world, operation);
}

/** Backups of two volumes that share one recovery point. */
async function shared(options: WorldOptions = {}) {
  const world = await worldWith(['one', 'two'], options);
  const begun = [await beginInRun(world, 'one', 'run-1'), await beginInRun(world, 'two', 'run-1')];
  const ended = await runAll(world, begun);
  expect(statuses(ended)).toEqual(['succeeded', 'succeeded']);
  const backups: BackupItem[] = [];
  for (const operation of ended) backups.push(await backupOf(world, operation));
  const [first, second] = backups;
  return { world, first: existing(first, 'the first'), second: existing(second, 'the second') };
}

const once = (fault: RecoveryFault, times = 1): Pick<WorldOptions, 'recoveryFault'> => {
  let left = times;
  return { recoveryFault: (action) => (action === 'startCopy' && left-- > 0 ? fault : undefined) };
};

const far = ({ recoveryAbroad }: World): string[] => [...recoveryAbroad.points.keys()];
const sharedRecords = (world: World): string[] =>
  [...world.store.items.values()].flatMap(({ entity }) =>
    String(entity).startsWith('shared') ? [String(entity)] : [],
  );

describe('a copy of a recovery point', () => {
  it('is a backup of its own in the other Region, of the same moment, with the tags of its original', async () => {
    const world = await worldWith(['data']);
    const source = await backedUp(world, 'data');
    world.pass(3_600);
    const copy = await copied(world, source);
    const { volume } = await world.volume('data');
    expect(copy).toMatchObject({
      kind: 'recovery-point',
      state: 'available',
      origin: 'copy',
      region: abroad,
      copyOf: source.id,
      cutAt: source.cutAt,
      pointInTime: false,
      storage: { kind: 'recovery-point', path: pathOf(volume.storage), vault: fakeVault },
    });
    expect(far(world)).toEqual([arnOf(copy)]);
    expect(world.recoveryAbroad.points.get(arnOf(copy))?.tags).toMatchObject({
      'hivemind:product': 'hivemind-volumes',
    });
    expect([...world.recovery.points.keys()]).toEqual([arnOf(source)]);
  });

  it('is one for all that share the point, and stays while one of them needs it', async () => {
    const { world, first, second } = await shared();
    expect(arnOf(first)).toBe(arnOf(second));
    const ended = await runAll(world, [await begin(world, first), await begin(world, second)]);
    expect(statuses(ended)).toEqual(['succeeded', 'succeeded']);
    expect(world.recovery.begun.copies).toBe(1);
    const one = await backupOf(world, existing(ended[0], 'the first'));
    const two = await backupOf(world, existing(ended[1], 'the second'));
    expect([arnOf(one), arnOf(two)]).toEqual([far(world)[0], far(world)[0]]);
    expect((await remove(world, one)).status).toBe('succeeded');
    expect(far(world)).toHaveLength(1);
    expect((await remove(world, two)).status).toBe('succeeded');
    expect(far(world)).toEqual([]);
    // Of the originals nothing is gone.
    expect(world.recovery.points.size).toBe(1);
    for (const backup of [first, second]) await remove(world, backup);
    expect([world.recovery.points.size, sharedRecords(world)]).toEqual([0, []]);
  });

  it('that comes later joins what is there', async () => {
    const { world, first, second } = await shared();
    const [one, two] = [await copied(world, first), await copied(world, second)];
    expect(arnOf(one)).toBe(arnOf(two));
    expect(world.recovery.begun.copies).toBe(1);
  });

  it('does not keep a backup of the file system waiting', async () => {
    const world = await worldWith(['data']);
    const source = await backedUp(world, 'data');
    const copying = await begin(world, source);
    for (let count = 0; count < 3; count++) await world.step(copying.id);
    expect(await backedUp(world, 'data')).toMatchObject({ state: 'available' });
    expect(await world.run(copying.id)).toMatchObject({ status: 'succeeded' });
  });

  it.each(['lost-answer', 'throttle', 'crash-after', 'crash-before'] as const)(
    'is made by one job in spite of: %s',
    async (fault) => {
      const world = await worldWith(['data'], once(fault));
      const { id } = await begin(world, await backedUp(world, 'data'));
      await world.run(id).catch(() => undefined);
      world.pass(60);
      expect((await world.run(id)).status).toBe('succeeded');
      expect(world.recovery.begun.copies).toBe(1);
      expect(far(world)).toHaveLength(1);
    },
  );

  it('that AWS cannot make fails with its words, for all that wait for it; the next one begins anew', async () => {
    const { world, first, second } = await shared(once('fail'));
    const [driver, waiting] = [await begin(world, first), await begin(world, second)];
    await world.step(driver.id);
    await world.step(waiting.id);
    const ended = await runAll(world, [driver, waiting]);
    for (const operation of ended)
      expect(operation).toMatchObject({
        status: 'failed',
        error: { code: 'StorageFailed', detail: expect.stringContaining(failure) },
      });
    expect(far(world)).toEqual([]);
    expect((await copied(world, first)).state).toBe('available');
    expect(world.recovery.begun.copies).toBe(2);
  });

  it('copy-uses-source: keeps what it is made from until it is done, and outlives it', async () => {
    const world = await worldWith(['data']);
    const source = await backedUp(world, 'data');
    const { id } = await begin(world, source);
    const early = deleteBackup(world.api, call(), { backup: source.id });
    await expect(early).rejects.toMatchObject({ code: 'BackupInUse' });
    await world.run(id);
    await remove(world, source);
    expect([world.recovery.points.size, far(world).length]).toEqual([0, 1]);
  });

  it('is not restored or drilled where it is, and says how to get it back', async () => {
    const world = await worldWith(['data']);
    const copy = await copied(world, await backedUp(world, 'data'));
    const refusal = {
      code: 'NotSupported',
      details: { hint: expect.stringContaining(`hivemind backup copy ${copy.id} --region ${home}`) },
    };
    const restore = restoreBackup(world.api, call(), { backup: copy.id, name: 'again', options: {} });
    await expect(restore).rejects.toMatchObject(refusal);
    await expect(drillBackup(world.api, call(), { backup: copy.id })).rejects.toMatchObject(refusal);
  });

  it('is copied back, and restores from there when nothing else is left', async () => {
    const world = await worldWith(['data']);
    const source = await backedUp(world, 'data');
    const copy = await copied(world, source);
    await remove(world, source);
    const back = await copied(world, copy, home);
    expect(back).toMatchObject({ region: home, copyOf: copy.id, cutAt: source.cutAt, origin: 'copy' });
    expect(await restored(world, back, 'again')).toMatchObject({ status: 'succeeded' });
    for (const backup of [copy, back]) await remove(world, backup);
    expect([world.recovery.points.size, far(world)]).toEqual([0, []]);
  });

  it('is refused to a Region without a vault: with those that have one, and how to add one', async () => {
    const world = await worldWith(['data'], { vaultRegions: [] });
    await expect(begin(world, await backedUp(world, 'data'))).rejects.toMatchObject({
      code: 'InvalidInput',
      message: expect.stringContaining(`no vault of AWS Backup in ${abroad}`),
      details: { allowed: home, hint: expect.stringContaining('hivemind:copyVaults') },
    });
  });
});

describe('the sweep of vaults in other Regions', () => {
  const stray = `arn:aws:backup:${abroad}:000000000000:recovery-point:stray`;
  const hour = (world: World): void => world.pass(3_600 - ((world.clock().getTime() / 1_000) % 3_600));

  it('reports what no record names, and nothing while a copy is on its way there', async () => {
    const world = await worldWith(['data']);
    const source = await backedUp(world, 'data');
    await copied(world, source);
    world.recoveryAbroad.points.set(stray, { tags: {}, holds: new Set() });
    hour(world);
    expect((await sweep(world.sweepPorts())).leftovers).toEqual([stray]);
    // The copies of another point: AWS shows one with the age of its original before the record has its name.
    const { id } = await begin(world, await backedUp(world, 'data'));
    for (let count = 0; count < 3; count++) await world.step(id);
    hour(world);
    expect((await sweep(world.sweepPorts())).leftovers).toEqual([]);
    await world.run(id);
    hour(world);
    expect((await sweep(world.sweepPorts())).leftovers).toEqual([stray]);
    expect(far(world)).toContain(stray);
  });
});
