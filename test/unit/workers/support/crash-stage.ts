import { isProductError } from '#shared/model/errors.ts';
import { Killed } from '#test/fakes/killed.ts';
import { Effects, type Kill } from './effects.ts';
import { hostA, hostB, World } from './world.ts';

/** An operation that is killed everywhere: what comes before it, the call that begins it, what others do meanwhile. */
export interface CrashedLife {
  readonly prepare: (world: World) => Promise<void>;
  readonly ask: (world: World) => Promise<unknown>;
  /** What others do while the operation is under way. */
  readonly meanwhile?: (world: World) => Promise<void>;
}

export interface Stage {
  readonly world: World;
  readonly effects: Effects;
}

interface CarriedKill extends Kill {
  /** On which side of the next effect after it somebody is killed once more. */
  readonly again?: Kill['when'];
}

/** A world in which every effect is recorded and may kill, ready for the operation. */
export async function stage({ prepare }: CrashedLife): Promise<Stage> {
  const effects = new Effects();
  const world = new World(effects.options());
  world.objects.around = (action, perform) => effects.objectCall(action, perform);
  await world.addHost(hostA);
  await world.addHost(hostB);
  await prepare(world);
  return { world, effects };
}

/** The caller asks once more when it got no answer; the state machine, or the sweeper, calls the worker until it is done. */
export async function carryOut(
  life: CrashedLife,
  { world, effects }: Stage,
  kill?: CarriedKill,
): Promise<void> {
  const { ask, meanwhile } = life;
  effects.begin(kill);
  effects.turn = 'backups-api';
  await surviving(() => ask(world));
  if (kill !== undefined) await surviving(() => ask(world));
  let again = kill?.again;
  for (let count = 0; count < 200; count++) {
    if (again !== undefined && effects.killed) {
      effects.begin({ at: 0, when: again });
      again = undefined;
    }
    effects.turn = 'hosts-api';
    if (meanwhile !== undefined) await surviving(() => meanwhile(world));
    const [unfinished] = await world.table.listUnfinishedOperations('9999');
    if (unfinished === undefined && !(await awaitsSweeper(world))) break;
    if (unfinished === undefined) continue;
    effects.turn = 'backup-worker';
    const output = await surviving(() => world.step(unfinished.id));
    world.pass(output?.waitSeconds ?? 2);
  }
}

/** A tombstone whose undo window has ended: the sweeper died before it wrote the purge. */
async function awaitsSweeper(world: World): Promise<boolean> {
  return (await world.table.listDuePurges(world.clock().toISOString())).length > 0;
}

async function surviving<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    // A repeated call may find that the volume is being worked on, or gone by its name already.
    if (!(error instanceof Killed) && !isProductError(error) && !String(error).includes('there is no'))
      throw error;
    return undefined;
  }
}
