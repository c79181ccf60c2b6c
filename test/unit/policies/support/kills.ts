import type { ItemStore } from '#shared/aws/table/store.ts';
import { Killed } from '#test/fakes/killed.ts';

export interface Kill {
  /** Which effect, counted from 0. */
  readonly at: number;
  readonly when: 'before' | 'after';
}

/** Counts effects once it is on, and ends the process before or after one of them. */
export class Kills {
  readonly seen: string[] = [];
  #on = false;
  #kill: Kill | undefined;

  begin(kill?: Kill): void {
    this.#on = true;
    this.#kill = kill;
  }

  /** Whether somebody was killed since `begin`. */
  get happened(): boolean {
    return this.#on && this.#kill === undefined;
  }

  async during(what: string, perform: () => unknown): Promise<void> {
    const kill = this.#on ? this.#next(what) : undefined;
    if (kill === 'before') throw new Killed(`before ${what}`);
    await perform();
    if (kill === 'after') throw new Killed(`after ${what}`);
  }

  store(inner: ItemStore): ItemStore {
    return {
      get: (key) => inner.get(key),
      getMany: (keys) => inner.getMany(keys),
      query: (query) => inner.query(query),
      work: (...query) => inner.work(...query),
      transact: (writes) => this.during(`write ${writes[0]?.key.sk ?? ''}`, () => inner.transact(writes)),
    };
  }

  #next(what: string): Kill['when'] | undefined {
    this.seen.push(what);
    if (this.#kill?.at !== this.seen.length - 1) return undefined;
    const { when } = this.#kill;
    this.#kill = undefined;
    return when;
  }
}

/** The work, unless its process is killed. */
export async function surviving<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Killed) return undefined;
    throw error;
  }
}
