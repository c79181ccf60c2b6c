import type { ItemStore } from '#shared/aws/table/store.ts';
import type { OperationItem } from '#shared/model/items.ts';
import { isFinished } from '#shared/model/operation.ts';
import { Killed } from '#test/fakes/killed.ts';
import type { World } from '#test/unit/workers/support/world.ts';

export type Side = 'crash-before' | 'crash-after';

/** Kills a worker at one of its effects: at a write of the table, or a call of AWS. */
export class Killer {
  readonly #at: number;
  readonly #side: Side;
  #on = false;
  #count = 0;

  constructor(at: number, side: Side) {
    this.#at = at;
    this.#side = side;
  }

  begin(): void {
    this.#on = true;
  }

  /** Whether there were so many effects. */
  get hasKilled(): boolean {
    return this.#count > this.#at;
  }

  readonly next = (): Side | undefined => (this.#on && this.#count++ === this.#at ? this.#side : undefined);

  readonly store = (inner: ItemStore): ItemStore => ({
    get: (key) => inner.get(key),
    getMany: (wanted) => inner.getMany(wanted),
    query: (query) => inner.query(query),
    work: (...query) => inner.work(...query),
    transact: async (writes) => {
      const side = this.next();
      if (side === 'crash-before') throw new Killed('before a write');
      await inner.transact(writes);
      if (side === 'crash-after') throw new Killed('after a write');
    },
  });
}

/** On one side of every effect, until there is none left; how many there were. */
export async function everywhere(side: Side, once: (killer: Killer) => Promise<void>): Promise<number> {
  for (let at = 0; ; at++) {
    const killer = new Killer(at, side);
    await once(killer);
    if (!killer.hasKilled) return at;
  }
}

/** What the state machine and the sweeper do: again and again until the operation ends; `between` is what hosts do meanwhile. */
export async function untilItEnds(
  world: World,
  id: string,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<OperationItem> {
  for (let turn = 0; turn < 300; turn++) {
    const operation = await world.operation(id);
    if (isFinished(operation.status)) return operation;
    try {
      world.pass(Math.max(1, (await world.step(id)).waitSeconds));
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      world.pass(40);
    }
    await between();
  }
  return world.operation(id);
}
