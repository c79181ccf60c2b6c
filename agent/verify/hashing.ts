import { contentsOf } from './contents.ts';
import type { Found } from './walk.ts';

/** How much is hashed at most. */
export interface HashBudget {
  /** Milliseconds for hashing; the least number of files is hashed all the same. */
  readonly hashMs: number;
  /** Milliseconds after which nothing is hashed any more. */
  readonly mostMs: number;
  readonly leastHashed: number;
}

/**
 * Node's threads are four. With two that hash and the one of the walk, a volume that does not answer leaves one to the rest of
 * the agent; more of them make nothing faster.
 */
export const hashedAtOnce = 2;

interface HashingSubject {
  readonly root: string;
  /** Nanoseconds since 1970. */
  readonly cut: bigint;
  readonly budget: HashBudget;
}

/** Hashes what a volume has held since before a cut, while its time lasts. */
export class Hashing {
  readonly #subject: HashingSubject;
  readonly #began = performance.now();
  #hashed = 0;

  constructor(subject: HashingSubject) {
    this.#subject = subject;
  }

  /** Whether an entry was settled at the cut, and its hash if that was so at the end of the reading too. */
  async look(found: Found): Promise<{ readonly settled: boolean; readonly hash?: string | undefined }> {
    const settled = found.stat.ctimeNs < this.#subject.cut;
    return settled ? { settled, hash: await this.#hash(found) } : { settled };
  }

  async #hash(found: Found): Promise<string | undefined> {
    const { root, cut } = this.#subject;
    const spent = this.#allowance();
    if (spent()) return undefined;
    // Gone or replaced meanwhile.
    const contents = await contentsOf(root, found, spent).catch(() => undefined);
    if (contents === undefined || contents.ctimeNs >= cut) return undefined;
    if (found.stat.isFile()) this.#hashed++;
    return contents.hash;
  }

  /** Whether the time of the next one is over. What is under way may come to nothing, and does not count yet. */
  #allowance(): () => boolean {
    const { hashMs, mostMs, leastHashed } = this.#subject.budget;
    const until = this.#began + (this.#hashed < leastHashed ? mostMs : hashMs);
    return () => performance.now() > until;
  }
}
