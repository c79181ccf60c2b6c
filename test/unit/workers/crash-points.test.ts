import { describe, expect, it } from 'vitest';
import { answerPurge } from '#shared/aws/table/volume-writes.ts';
import { put } from '#shared/aws/table/writes.ts';
import { backupCrashPoints } from '#shared/model/crash-points-backups.ts';
import { crashPoints as volumeCrashPoints } from '#shared/model/crash-points.ts';
import { copyBackup } from '#functions/backups/copy-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { carryOut, stage, type CrashedLife } from './support/crash-stage.ts';
import { judge } from './support/judge.ts';
import { abroad, call, hostA, hostB, type World } from './support/world.ts';

const crashPoints = { ...volumeCrashPoints, ...backupCrashPoints };
type CrashedOperation = keyof typeof crashPoints;

const network = { type: 'network', size: undefined, availabilityZone: undefined } as const;

/** In place of a record that is not there any more. */
const gone = { state: 'gone' };

/** What comes before each operation, the call that begins it, and what must be true after it. */
const operations: Readonly<Record<CrashedOperation, Operation>> = {
  create: {
    prepare: async () => {},
    ask: (world) => world.create('data'),
    expected: { state: 'available' },
  },
  attach: {
    prepare: async (world) => void (await world.run(await world.create('data'))),
    ask: (world) => world.attach('data', hostA),
    expected: { state: 'attached', hosts: [hostA] },
  },
  handOver: {
    prepare: attached,
    ask: (world) => world.attach('data', hostB),
    expected: { state: 'attached', hosts: [hostB] },
  },
  detach: {
    prepare: attached,
    ask: (world) => world.detach('data'),
    expected: { state: 'available', hosts: [] },
  },
  delete: { prepare: attached, ask: (world) => world.delete('data'), expected: { state: 'deleted' } },
  purge: {
    prepare: attached,
    ask: (world) => world.delete('data', { purge: true }),
    expected: gone,
  },
  networkPurge: {
    prepare: async (world) => {
      await world.run(await world.create('data', network));
    },
    ask: (world) => world.delete('data', { purge: true }),
    meanwhile: sweepAndEmpty,
    expected: gone,
  },
  networkCreate: {
    prepare: async () => {},
    ask: (world) => world.create('data', network),
    expected: { state: 'available' },
    points: 1,
  },
  backup: { prepare: attached, ask: (world) => world.backUp('data'), expected: { state: 'attached' } },
  deleteBackup: {
    prepare: backedUp,
    ask: async (world) => deleteBackup(world.backupsApi, call(), { backup: await lastBackup(world) }),
    expected: { state: 'attached' },
  },
  copyBackup: {
    prepare: backedUp,
    ask: async (world) =>
      copyBackup(world.backupsApi, call(), {
        backup: await lastBackup(world),
        region: abroad,
        description: '',
      }),
    expected: { state: 'attached' },
  },
  restore: {
    prepare: async (world) => {
      await backedUp(world);
      await world.run(await world.delete('data', { purge: true }));
      world.pass(60);
    },
    ask: async (world) => restoreBackup(world.backupsApi, call(), { backup: await lastBackup(world) }),
    expected: { state: 'available' },
  },
  restoreInPlace: {
    prepare: backedUp,
    ask: async (world) =>
      restoreBackup(world.backupsApi, call(), { backup: await firstBackup(world), inPlace: true }),
    expected: { state: 'available', hosts: [], attempt: 2 },
  },
};

async function firstBackup(world: World): Promise<string> {
  const { items } = await world.table.list('backupIndex', { pk: 'NS#default#BACKUPS', limit: 10 });
  return items.at(-1)?.backupId ?? '';
}

async function backedUp(world: World): Promise<void> {
  await attached(world);
  await world.run(await world.backUp('data'));
}

async function lastBackup(world: World): Promise<string> {
  const { items } = await world.table.list('backupIndex', { pk: 'NS#default#BACKUPS', limit: 1 });
  return items[0]?.backupId ?? '';
}

/** The sweeper comes, and the host empties the directory once the worker has said that it does. */
async function sweepAndEmpty(world: World): Promise<void> {
  const at = world.clock().toISOString();
  await world.table.transact([put('seen', { hostId: hostA, bootId: 'boot', at })]);
  await world.purge();
  const [operation] = await world.table.listUnfinishedOperations('9999');
  const { purge } = (await world.table.readVolume(operation?.volumeId ?? '')) ?? {};
  if (purge === undefined || purge.done || !operation?.message.includes('is emptying')) return;
  await world.tableOf('hosts-api').transact(answerPurge(purge));
}

interface Operation extends CrashedLife {
  readonly expected: object;
  /** Access points that there are in the end; none when left out. */
  readonly points?: number;
}

async function attached(world: World): Promise<void> {
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  await world.format('data');
}

describe.each(Object.keys(operations) as CrashedOperation[])('%s', (kind) => {
  it('has the effects that the table of crash points names, in their order', async () => {
    const staged = await stage(operations[kind]);
    await carryOut(operations[kind], staged);
    expect(staged.effects.recorded).toEqual(crashPoints[kind]);
  });

  const points = crashPoints[kind].flatMap(({ by, what }, at) =>
    (['before', 'after'] as const).map((when) => ({ at, when, by, what })),
  );
  it.each(points)('comes to its end when $by is killed $when $what', async ({ at, when }) => {
    const staged = await stage(operations[kind]);
    const { world, effects } = staged;
    const before = (await world.table.readVolumeByName('default', 'data'))?.volume;
    await carryOut(operations[kind], staged, { at, when });
    expect(effects.killed).toBe(true);
    const { id } = before ?? (await world.volume('data')).volume;
    const { expected } = operations[kind];
    const record = await world.table.readVolume(id);
    expect(record?.volume ?? gone).toMatchObject(expected);
    expect(world.points.wanted).toHaveLength(operations[kind].points ?? 0);
    expect(await judge(world)).toEqual([]);
  });
});

describe('restoreInPlace, killed twice in a row', () => {
  const points = crashPoints.restoreInPlace.flatMap(({ by, what }, at) =>
    (['before', 'after'] as const).map((again) => ({ at, by, what, again })),
  );
  it.each(points)('comes to its end: $by after $what, then $again what follows', async ({ at, again }) => {
    const staged = await stage(operations.restoreInPlace);
    const { world } = staged;
    await carryOut(operations.restoreInPlace, staged, { at, when: 'after', again });
    expect((await world.volume('data')).volume).toMatchObject(operations.restoreInPlace.expected);
    expect(await judge(world)).toEqual([]);
  });
});
