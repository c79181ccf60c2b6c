import { describe, expect, it } from 'vitest';
import { crashPoints, type CrashedOperation } from '#shared/model/crash-points.ts';
import { isProductError } from '#shared/model/errors.ts';
import { Killed } from '#test/fakes/killed.ts';
import { Effects, type Kill } from './support/effects.ts';
import { judge } from './support/judge.ts';
import { hostA, hostB, World } from './support/world.ts';

interface Stage {
  readonly world: World;
  readonly effects: Effects;
}

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
};

interface Operation {
  readonly prepare: (world: World) => Promise<void>;
  readonly ask: (world: World) => Promise<unknown>;
  readonly expected: object;
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
    workerStore: (store) => effects.store(store, 'ebs-worker'),
    useCaseStore: (store) => effects.store(store, 'volumes-api'),
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
  effects.begin(kill);
  await surviving(() => operations[kind].ask(world));
  await surviving(() => operations[kind].ask(world), kill === undefined);
  for (let count = 0; count < 200; count++) {
    const [unfinished] = await world.table.listUnfinishedOperations('9999');
    if (unfinished === undefined) break;
    const output = await surviving(() => world.step(unfinished.id));
    world.pass(output?.waitSeconds ?? 2);
  }
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
    const { volume } = (await world.table.readVolumeByName('default', 'data')) ?? {};
    await carryOut(kind, staged, { at, when });
    expect(effects.killed).toBe(true);
    const record = volume === undefined ? await world.volume('data') : await world.byId(volume.id);
    expect(record.volume).toMatchObject(operations[kind].expected);
    expect(await judge(world)).toEqual([]);
  });
});
