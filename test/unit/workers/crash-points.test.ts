import { describe, expect, it } from 'vitest';
import { answerPurge } from '#shared/aws/table/volume-writes.ts';
import { put } from '#shared/aws/table/writes.ts';
import { backupCrashPoints } from '#shared/model/crash-points-backups.ts';
import { crashPoints as volumeCrashPoints } from '#shared/model/crash-points.ts';
import { copyBackup } from '#functions/backups/copy-backup.ts';
import { deleteBackup } from '#functions/backups/delete-backup.ts';
import { restoreBackup } from '#functions/backups/restore-backup.ts';
import { drillBackup } from '#functions/backups/drill-backup.ts';
import { isProductError } from '#shared/model/errors.ts';
import { Killed } from '#test/fakes/killed.ts';
import { done, hostAnswers, leftOf, passed } from '#test/unit/backups/support/drills.ts';
import { Effects, type Kill } from './support/effects.ts';
import { judge } from './support/judge.ts';
import { abroad, call, hostA, hostB, World } from './support/world.ts';

const crashPoints = { ...volumeCrashPoints, ...backupCrashPoints };
type CrashedOperation = keyof typeof crashPoints;

const network = { type: 'network', size: undefined, availabilityZone: undefined } as const;

interface Stage {
  readonly world: World;
  readonly effects: Effects;
}

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
  drill: {
    prepare: backedUp,
    ask: async (world) => drillBackup(world.backupsApi, call(), { backup: await lastBackup(world) }),
    meanwhile: lookIntoCopy,
    expected: { state: 'attached' },
    after: async (world) => {
      const backup = await world.table.readBackup(await lastBackup(world));
      expect(backup).toMatchObject({ drill: { outcome: 'passed' }, users: [] });
      expect(await leftOf(world)).toEqual([]);
    },
  },
};

/** The host that was asked to finds all well. */
async function lookIntoCopy(world: World): Promise<void> {
  for (const { id } of await world.table.listUnfinishedOperations('9999'))
    await hostAnswers(world, id, done(passed));
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

interface Operation {
  readonly prepare: (world: World) => Promise<void>;
  readonly ask: (world: World) => Promise<unknown>;
  /** What others do while the operation is under way. */
  readonly meanwhile?: (world: World) => Promise<void>;
  readonly expected: object;
  /** Access points that there are in the end; none when left out. */
  readonly points?: number;
  /** What must be true in the end beside it. */
  readonly after?: (world: World) => Promise<void>;
}

async function attached(world: World): Promise<void> {
  await world.run(await world.create('data'));
  await world.run(await world.attach('data', hostA));
  await world.format('data');
}

async function stage(kind: CrashedOperation): Promise<Stage> {
  const effects = new Effects();
  const world = new World({
    fault: (action) => effects.fault(action),
    pointFault: (action) => effects.pointFault(action),
    workerStore: (store, by) => effects.store(store, by),
    useCaseStore: (store, by) => effects.store(store, by),
    around: (what, by, perform) => {
      const call =
        what === 'start'
          ? { service: 'states', action: 'StartExecution' }
          : { service: 'sqs', action: 'SendMessage' };
      return effects.during({ by, what, ...call } as Parameters<Effects['during']>[0], perform);
    },
  });
  await world.addHost(hostA);
  await world.addHost(hostB);
  await operations[kind].prepare(world);
  return { world, effects };
}

/** The caller asks once more when it got no answer; the state machine, or the sweeper, calls the worker until it is done. */
async function carryOut(kind: CrashedOperation, { world, effects }: Stage, kill?: Kill): Promise<void> {
  const { ask, meanwhile } = operations[kind];
  effects.begin(kill);
  await surviving(() => ask(world));
  await surviving(() => ask(world), kill === undefined);
  for (let count = 0; count < 200; count++) {
    if (meanwhile !== undefined) await surviving(() => meanwhile(world));
    const [unfinished] = await world.table.listUnfinishedOperations('9999');
    if (unfinished === undefined && !(await awaitsSweeper(world))) break;
    if (unfinished === undefined) continue;
    const output = await surviving(() => world.step(unfinished.id));
    world.pass(output?.waitSeconds ?? 2);
  }
}

/** A tombstone whose undo window has ended: the sweeper died before it wrote the purge. */
async function awaitsSweeper(world: World): Promise<boolean> {
  return (await world.table.listDuePurges(world.clock().toISOString())).length > 0;
}

async function surviving<T>(work: () => Promise<T>, skip = false): Promise<T | undefined> {
  if (skip) return undefined;
  try {
    return await work();
  } catch (error) {
    // A repeated call may find that the volume is being worked on, or gone by its name already.
    if (!(error instanceof Killed) && !isProductError(error) && !String(error).includes('there is no'))
      throw error;
    return undefined;
  }
}

describe.each(Object.keys(operations) as CrashedOperation[])('%s', (kind) => {
  it('has the effects that the table of crash points names, in their order', async () => {
    const staged = await stage(kind);
    await carryOut(kind, staged);
    expect(staged.effects.recorded).toEqual(crashPoints[kind]);
  });

  const points = crashPoints[kind].flatMap(({ by, what }, at) =>
    (['before', 'after'] as const).map((when) => ({ at, when, by, what })),
  );
  it.each(points)('comes to its end when $by is killed $when $what', async ({ at, when }) => {
    const staged = await stage(kind);
    const { world, effects } = staged;
    const before = (await world.table.readVolumeByName('default', 'data'))?.volume;
    await carryOut(kind, staged, { at, when });
    expect(effects.killed).toBe(true);
    const { id } = before ?? (await world.volume('data')).volume;
    const { expected } = operations[kind];
    const record = await world.table.readVolume(id);
    expect(record?.volume ?? gone).toMatchObject(expected);
    expect(world.points.wanted).toHaveLength(operations[kind].points ?? 0);
    await operations[kind].after?.(world);
    expect(await judge(world)).toEqual([]);
  });
});
