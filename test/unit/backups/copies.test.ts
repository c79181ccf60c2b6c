import { describe, expect, it } from 'vitest';
import { snapshotOfStorage } from '#shared/model/backup.ts';
import type { BackupItem, OperationItem } from '#shared/model/items.ts';
import type { PolicyItem } from '#shared/model/policy-items.ts';
import { copyBackup } from '#functions/backups/copy-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { drillBackup } from '#functions/backups/drill-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { lateOf } from '#functions/policies/overdue.ts';
import { sweep } from '#functions/sweep/sweep.ts';
import type { BlockAction, BlockFault } from '#test/fakes/fake-block-storage.ts';
import { abroad, call, existing, hostA, World, type WorldOptions } from '#test/unit/workers/support/world.ts';

const home = 'us-east-1';

/** A world with the volume `data`, attached to host A, formatted and idle. */
async function attached(options: WorldOptions = {}): Promise<World> {
  const world = new World(options);
  await world.addHost(hostA);
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  await world.format('data');
  return world;
}

/** The same with a backup of it. */
async function backedUp(options: WorldOptions = {}): Promise<{ world: World; source: BackupItem }> {
  const world = await attached(options);
  const { backup = '' } = await world.run(await world.backUp('data'));
  return { world, source: await read(world, backup) };
}

const read = async (world: World, id: string): Promise<BackupItem> =>
  existing(await world.table.readBackup(id), id);

async function begin(world: World, { id }: BackupItem, region = abroad): Promise<OperationItem> {
  const { body } = await copyBackup(world.backupsApi, call(), { backup: id, region, description: '' });
  return world.operation(body.id);
}

async function copied(world: World, source: BackupItem, region = abroad): Promise<BackupItem> {
  const operation = await world.run((await begin(world, source, region)).id);
  expect(operation).toMatchObject({ kind: 'copyBackup', status: 'succeeded', progress: 100 });
  return read(world, operation.backup ?? '');
}

const snapshotIds = ({ truth }: World['storage']): string[] => [...truth.snapshots.keys()];

describe('a copy', () => {
  it('is a backup of its own, in the other Region, of the same moment', async () => {
    const { world, source } = await backedUp();
    world.pass(3_600);
    const copy = await copied(world, source);
    expect(copy).toMatchObject({
      state: 'available',
      origin: 'copy',
      region: abroad,
      copyOf: source.id,
      volumeId: source.volumeId,
      cutAt: source.cutAt,
      source: { ...source.source, encrypted: true },
      storage: { kind: 'snapshot', sizeGiB: 10 },
    });
    expect(copy.id).not.toBe(source.id);
    expect(snapshotIds(world.abroad)).toEqual([snapshotOfStorage(copy.storage)]);
    const [made] = world.abroad.truth.snapshots.values();
    expect(made?.tags).toMatchObject({
      'hivemind:backup': copy.id,
      'hivemind:product': 'hivemind-volumes',
      'hivemind:volume-id': source.volumeId,
    });
    expect(await read(world, source.id)).toMatchObject({ state: 'available', region: home });
  });

  it('of the same Idempotency-Key, or asked for again while it is made, is one', async () => {
    const { world, source } = await backedUp();
    const request = { backup: source.id, region: abroad, description: '' };
    const first = await copyBackup(world.api, call({ idempotencyKey: 'k' }), request);
    const second = await copyBackup(world.api, call({ idempotencyKey: 'k' }), request);
    const third = await copyBackup(world.api, call(), request);
    expect([second.body.id, third.body.id]).toEqual([first.body.id, first.body.id]);
    await world.run(first.body.id);
    expect(snapshotIds(world.abroad)).toHaveLength(1);
    await expect(copyBackup(world.api, call(), request)).rejects.toMatchObject({
      code: 'IllegalState',
      message: expect.stringContaining(first.body.backup ?? ''),
    });
  });

  it('says how far it is, and is looked at ever more seldom', async () => {
    const { world, source } = await backedUp({ delays: { copy: 1_200_000 } });
    const { id } = await begin(world, source);
    const waits: number[] = [];
    const says = new Set<string>();
    for (let count = 0; count < 200; count++) {
      const { outcome, waitSeconds } = await world.step(id);
      if (outcome === 'done') break;
      waits.push(waitSeconds);
      world.pass(waitSeconds);
      says.add((await world.operation(id)).message);
    }
    expect((await world.operation(id)).status).toBe('succeeded');
    expect(says).toContain(`Copying to ${abroad}: 0 %`);
    expect(waits.at(-1)).toBe(60);
    expect(waits.length).toBeLessThan(150);
  });

  it('copy-uses-source: keeps what it is made from until it is done', async () => {
    const { world, source } = await backedUp();
    const { id } = await begin(world, source);
    const remove = () => deleteBackup(world.api, call(), { backup: source.id });
    await expect(remove()).rejects.toMatchObject({ code: 'BackupInUse' });
    await world.run(id);
    await world.run((await remove()).body.id);
    expect(snapshotIds(world.storage)).toEqual([]);
    expect(snapshotIds(world.abroad)).toHaveLength(1);
  });

  it('copy-looked-for: that a lost answer began twice keeps one snapshot', async () => {
    const lost = once('copySnapshot', 'lost-answer');
    const { world, source } = await backedUp({ fault: lost });
    const { storage } = await copied(world, source);
    expect(snapshotIds(world.abroad)).toEqual([snapshotOfStorage(storage)]);
    expect(world.abroad.calls.filter(({ action }) => action === 'copySnapshot')).toHaveLength(1);
  });

  it('whose double shows late is one in the end: the sweep removes the other', async () => {
    const { world, source } = await backedUp();
    const copy = await copied(world, source);
    const [kept] = [...world.abroad.truth.snapshots.values()];
    const from = { region: home, snapshotId: snapshotOfStorage(source.storage) ?? '' };
    const late = await world.abroad.copySnapshot({ from, description: '', tags: kept?.tags ?? {} });
    world.pass(7_200 - ((world.clock().getTime() / 1_000) % 3_600));
    const { doubles, leftovers } = await sweep(world.sweepPorts({ inventory: inventoryOf(world) }));
    expect({ doubles, leftovers }).toEqual({ doubles: [late.id], leftovers: [] });
    expect(snapshotIds(world.abroad)).toEqual([snapshotOfStorage(copy.storage)]);
  });

  it('waits for its turn where AWS makes as many as it does at once', async () => {
    const { world, source } = await backedUp({ mostCopies: 0, delays: { copy: 5_000 } });
    const { id } = await begin(world, source);
    for (let count = 0; count < 5; count++) world.pass((await world.step(id)).waitSeconds);
    expect(await world.operation(id)).toMatchObject({
      status: 'running',
      message: expect.stringContaining('Trying again'),
    });
  });

  it('that EC2 cannot finish fails with its words, and leaves nothing', async () => {
    const { world, source } = await backedUp({ fault: once('copySnapshot', 'error') });
    const operation = await world.run((await begin(world, source)).id);
    expect(operation).toMatchObject({
      status: 'failed',
      error: { code: 'StorageFailed', detail: expect.stringContaining('key ID is not accessible') },
    });
    expect(await read(world, operation.backup ?? '')).toMatchObject({ state: 'failed', cutAt: source.cutAt });
    expect(snapshotIds(world.abroad)).toEqual([]);
    await copied(world, source);
  });

  it('is removed in its own Region', async () => {
    const { world, source } = await backedUp();
    const copy = await copied(world, source);
    const { body } = await deleteBackup(world.api, call(), { backup: copy.id });
    expect((await world.run(body.id)).status).toBe('succeeded');
    expect(await world.table.readBackup(copy.id)).toBeUndefined();
    expect([snapshotIds(world.abroad), snapshotIds(world.storage).length]).toEqual([[], 1]);
  });
});

describe('a copy is refused', () => {
  it('to a Region without a key: with those that there are, and how to add one', async () => {
    const { world, source } = await backedUp();
    await expect(begin(world, source, 'ap-southeast-2')).rejects.toMatchObject({
      code: 'InvalidInput',
      message: expect.stringContaining('ap-southeast-2'),
      details: {
        value: 'ap-southeast-2',
        allowed: `${abroad}, ${home}`,
        hint: expect.stringContaining('hivemind:copyKeys'),
      },
    });
    const { world: alone, source: other } = await backedUp({ copyRegions: [] });
    await expect(begin(alone, other)).rejects.toMatchObject({ details: { allowed: `${home} only` } });
  });

  it('to where the backup is, and of one that is not complete', async () => {
    const { world, source } = await backedUp();
    await expect(begin(world, source, home)).rejects.toMatchObject({ code: 'InvalidInput' });
    const { backup = '' } = await world.operation(await world.backUp('data'));
    await expect(begin(world, await read(world, backup))).rejects.toMatchObject({
      code: 'IllegalState',
      message: expect.stringContaining('creating'),
    });
  });
});

describe('a backup in another Region', () => {
  it('is not restored or drilled, and says how to get it back', async () => {
    const { world, source } = await backedUp();
    const { id } = await copied(world, source);
    const refusal = {
      code: 'NotSupported',
      details: { hint: expect.stringContaining(`hivemind backup copy ${id} --region ${home}`) },
    };
    await expect(restoreBackup(world.api, call(), { backup: id, name: 'again' })).rejects.toMatchObject(
      refusal,
    );
    await expect(drillBackup(world.api, call(), { backup: id })).rejects.toMatchObject(refusal);
  });

  it('is copied back, and restores from there, when nothing else is left', async () => {
    const { world, source } = await backedUp();
    const copy = await copied(world, source);
    await world.run((await deleteBackup(world.api, call(), { backup: source.id })).body.id);
    const back = await copied(world, copy, home);
    expect(back).toMatchObject({ region: home, copyOf: copy.id, cutAt: source.cutAt, origin: 'copy' });
    const { body } = await restoreBackup(world.api, call(), { backup: back.id, name: 'again' });
    expect(await world.run(body.id)).toMatchObject({ status: 'succeeded' });
    const { volume } = await world.volume('again');
    const block = world.storage.truth.volumes.get(
      volume.storage?.kind === 'ebs' ? volume.storage.volumeId : '',
    );
    expect(block).toMatchObject({ snapshotId: snapshotOfStorage(back.storage) });
    expect(volume.encrypted).toBe(true);
  });

  it('overdue-copies: is no good backup of its volume', async () => {
    const world = await attached();
    const { id } = (await world.volume('data')).volume;
    for (let count = 0; count < 6; count++) {
      await lateOf(world.api, hourly);
      world.pass(1_800);
    }
    expect((await lateOf(world.api, hourly)).volumes).toEqual([id]);
    const source = await read(world, (await world.run(await world.backUp('data'))).backup ?? '');
    await copied(world, source);
    expect((await lateOf(world.api, hourly)).volumes).toEqual([]);
    await world.run((await deleteBackup(world.api, call(), { backup: source.id })).body.id);
    expect((await lateOf(world.api, hourly)).volumes).toEqual([id]);
  });

  it('keeps the record of a purged volume', async () => {
    const { world, source } = await backedUp();
    const copy = await copied(world, source);
    await world.run(await world.delete('data', { purge: true }));
    await world.run((await deleteBackup(world.api, call(), { backup: source.id })).body.id);
    expect((await world.byId(source.volumeId)).volume.state).toBe('purged');
    await world.run((await deleteBackup(world.api, call(), { backup: copy.id })).body.id);
    expect(await world.table.readVolume(source.volumeId)).toBeUndefined();
  });
});

/** Selects every volume; a backup must not be older than two hours. */
const hourly: PolicyItem = {
  id: 'pol-00000000000000000000000000',
  namespace: 'default',
  name: 'hourly',
  schedule: '0 * * * *',
  timezone: 'UTC',
  selector: '!none',
  retention: {},
  engine: 'native',
  objective: '2h',
  description: '',
  paused: false,
  deleting: false,
  intent: 1,
  applied: 1,
  createdAt: '2026-11-23T12:00:00.000Z',
  createdBy: 'test',
  updatedAt: '2026-11-23T12:00:00.000Z',
  revision: 1,
};

function once(action: BlockAction, fault: BlockFault): (asked: BlockAction) => BlockFault | undefined {
  let left = 1;
  return (asked) => (asked === action && left-- > 0 ? fault : undefined);
}

/** Snapshots as AWS lists them, by Region. */
function inventoryOf({ storage, abroad: other }: World) {
  return {
    snapshots: (region?: string) => {
      const { truth } = region === abroad ? other : storage;
      const where = region === undefined ? {} : { region };
      return Promise.resolve(
        [...truth.snapshots.values()].map(({ id, tags }) => ({ id, tags, createdAt: new Date(0), ...where })),
      );
    },
    accessPoints: () => Promise.resolve([]),
  };
}
