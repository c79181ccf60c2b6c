import { describe, expect, it } from 'vitest';
import { ProductError } from '#shared/model/errors.ts';
import { metricNames } from '#shared/model/metrics.ts';
import { productTagValue, tagKeys } from '#shared/model/tags.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { sweep } from '#functions/sweep/sweep.ts';
import type { RecoveryFault } from '#test/fakes/fake-recovery-points.ts';
import { arnOf, backedUp, begin, worldWith } from '#test/unit/backups/support/recovery-world.ts';
import { call, existing, hostA, World } from '#test/unit/workers/support/world.ts';

const network = { type: 'network', size: undefined, availabilityZone: undefined } as const;

/** A sweep over what the fakes hold; the other Region may not answer. */
async function swept(world: World, { silent = false } = {}) {
  const counted: Record<string, number> = {};
  const ids = (things: Iterable<readonly [string, Readonly<Record<string, string>>]>) =>
    Promise.resolve([...things].map(([id, tags]) => ({ id, tags, createdAt: new Date(0) })));
  const inventory = {
    snapshots: (region?: string) => {
      if (region !== undefined && silent)
        return Promise.reject(new ProductError('Unavailable', 'AWS does not answer.'));
      const { truth } = region === undefined ? world.storage : world.abroad;
      return ids([...truth.snapshots.values()].map(({ id, tags }) => [id, tags] as const));
    },
    accessPoints: () => ids(world.points.listed),
  };
  const count = (metric: string, value: number): void => void (counted[metric] = value);
  const { leftovers } = await sweep(world.sweepPorts({ inventory, count }));
  return { leftovers, counted };
}

/** On to the next full hour. */
function hour(world: World): void {
  world.pass(3_600 - ((world.clock().getTime() / 1_000) % 3_600));
}

async function formatted(world: World): Promise<void> {
  await world.addHost(hostA);
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  await world.format('data');
}

describe('what is left in AWS', () => {
  it('is looked for once an hour', async () => {
    const world = new World();
    world.pass(60);
    const { leftovers, counted } = await swept(world);
    expect(leftovers).toBeUndefined();
    expect(counted).not.toHaveProperty(metricNames.leftovers);
  });

  it('is not what records name: final backups and access points, those of a purge too', async () => {
    const world = new World();
    await formatted(world);
    await world.run(await world.delete('data'));
    await world.run(await world.create('shared', network));
    await world.run(await world.create('emptied', network));
    await world.delete('emptied', { purge: true });
    const [operation = ''] = await world.purge();
    for (let count = 0; count < 3; count++) await world.step(operation);
    hour(world);
    expect(world.storage.truth.snapshots.size).toBe(1);
    const { leftovers, counted } = await swept(world);
    expect(leftovers).toEqual([]);
    expect(counted[metricNames.leftovers]).toBe(0);
  });

  it('is reported, and not deleted: snapshots and access points that no record names', async () => {
    const world = new World();
    await world.run(await world.create('data'));
    const stray = { [tagKeys.volumeId]: 'vol-00000000000000000000000000' };
    const [block] = [...world.storage.truth.volumes.keys()];
    const snapshot = { volumeId: block ?? '', description: 'stray', tags: stray };
    const left = await world.storage.createSnapshot(snapshot);
    const { id } = await world.points.create({
      clientToken: 'x',
      path: '/volumes/x',
      owner: { uid: 0, gid: 0, mode: '0755' },
      tags: stray,
    });
    hour(world);
    expect((await swept(world, { silent: true })).leftovers).toEqual([left.id, id]);
    const { leftovers, counted } = await swept(world);
    expect(leftovers).toEqual([left.id, id]);
    expect(counted[metricNames.leftovers]).toBe(2);
    expect(world.points.wanted).toHaveLength(1);
    expect(world.storage.truth.snapshots.size).toBe(1);
  });
});

describe('a recovery point in our vault', () => {
  const stray = 'arn:aws:backup:us-east-1:000000000000:recovery-point:stray';

  it('that no record names is reported, and stays; those of backups are not', async () => {
    const world = await worldWith(['shared']);
    const backup = await backedUp(world);
    world.recovery.points.set(stray, { tags: {}, holds: new Set() });
    hour(world);
    const { leftovers, counted } = await swept(world);
    expect(leftovers).toEqual([stray]);
    expect(counted[metricNames.leftovers]).toBe(1);
    expect([...world.recovery.points.keys()].toSorted()).toEqual([arnOf(backup), stray].toSorted());
  });

  it('orphan-by-record: of a backup that failed without its name is removed, and no other one', async () => {
    const answers: RecoveryFault[] = ['lost-answer', 'refuse'];
    const world = await worldWith(['shared'], {
      recoveryFault: (action) => (action === 'startBackup' ? answers.shift() : undefined),
    });
    const failed = await world.run((await begin(world, 'shared')).id);
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'AccessDenied' } });
    world.pass(60);
    const [orphan] = await world.recovery.listPoints();
    const backup = await backedUp(world);
    const tags = { [tagKeys.product]: productTagValue, [tagKeys.operation]: 'op-of-another-table' };
    world.recovery.points.set(stray, { tags, holds: new Set() });
    world.pass(3_600);
    hour(world);
    expect((await swept(world)).leftovers).toEqual([stray]);
    world.pass(60);
    const left = (await world.recovery.listPoints()).map(({ arn }) => arn);
    expect(left.toSorted()).toEqual([arnOf(backup), stray].toSorted());
    expect(left).not.toContain(orphan?.arn);
  });

  it('whose job a record may still learn of is not', async () => {
    const world = await worldWith(['shared'], {
      recoveryFault: (action) => (action === 'startBackup' ? 'lost-answer' : undefined),
    });
    const { id } = await begin(world, 'shared');
    for (let count = 0; count < 6; count++) world.pass((await world.step(id)).waitSeconds);
    world.pass(60);
    expect((await world.recovery.listPoints()).length).toBe(1);
    hour(world);
    expect((await swept(world)).leftovers).toEqual([]);
  });
});

describe('a second snapshot of a backup', () => {
  async function doubled() {
    const world = new World();
    await formatted(world);
    const operation = await world.run(await world.backUp('data'));
    const backup = existing(await world.table.readBackup(operation.backup ?? ''), 'backup');
    const [kept] = world.storage.truth.snapshots.values();
    const late = await world.storage.createSnapshot({
      volumeId: kept?.volumeId ?? '',
      description: '',
      tags: kept?.tags ?? {},
    });
    return { world, backup, kept: existing(kept, 'snapshot'), late };
  }

  it('double-by-record: that came late is removed, and the one of the record stays', async () => {
    const { world, kept, late } = await doubled();
    hour(world);
    const { leftovers } = await swept(world);
    expect(leftovers).toEqual([]);
    expect(world.storage.truth.snapshots.has(late.id)).toBe(false);
    expect(world.storage.truth.snapshots.has(kept.id)).toBe(true);
  });

  it('is left alone while an operation works on the backup', async () => {
    const { world, backup, late } = await doubled();
    await deleteBackup(world.api, call(), { backup: backup.id });
    hour(world);
    await swept(world);
    expect(world.storage.truth.snapshots.has(late.id)).toBe(true);
  });
});

describe('a manifest', () => {
  const backup = (n: number) => `bak-${String(n).padStart(26, '0')}`;

  it('whose backup has no record is removed, once it cannot come any more; others stay', async () => {
    const world = new World();
    await formatted(world);
    const { backup: kept = '' } = await world.run(await world.backUp('data', { consistency: 'none' }));
    hour(world);
    const old = new Date(world.clock().getTime() - 3_600_000);
    for (const id of [backup(1), backup(2), kept, backup(3)]) world.manifests.objects.set(id, old);
    world.manifests.objects.set(backup(4), world.clock());
    const { manifests } = await sweep(world.sweepPorts());
    expect(manifests).toEqual([backup(1), backup(2), backup(3)]);
    expect([...world.manifests.objects.keys()]).toEqual([kept, backup(4)]);
  });

  it('is looked for once an hour', async () => {
    const world = new World();
    world.pass(60);
    world.manifests.objects.set(backup(1), new Date(0));
    expect((await sweep(world.sweepPorts())).manifests).toBeUndefined();
    expect(world.manifests.objects.size).toBe(1);
  });
});
