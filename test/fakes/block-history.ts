import type { BlockVolume, Snapshot } from '#shared/aws/ec2/block-storage.ts';

export type StoredVolume = BlockVolume;
export type StoredSnapshot = Snapshot;

export interface BlockWorld {
  readonly volumes: Map<string, StoredVolume>;
  readonly snapshots: Map<string, StoredSnapshot>;
}

interface Due {
  readonly at: number;
  readonly change: (world: BlockWorld) => unknown;
}

/** Longest lag that reads may have, in milliseconds. */
const remembered = 60_000;

/** A world that changes at its time, and what it was before. */
export class BlockHistory {
  readonly #clock: () => Date;
  #versions: { readonly at: number; readonly world: BlockWorld }[] = [
    { at: 0, world: { volumes: new Map(), snapshots: new Map() } },
  ];
  #due: Due[] = [];

  constructor(clock: () => Date) {
    this.#clock = clock;
  }

  now(): BlockWorld {
    this.#advance();
    return this.#last();
  }

  ago(milliseconds: number): BlockWorld {
    this.#advance();
    const at = this.#clock().getTime() - milliseconds;
    return this.#versions.findLast((version) => version.at <= at)?.world ?? this.#last();
  }

  write(change: (world: BlockWorld) => unknown): void {
    this.#advance();
    this.#push(this.#clock().getTime(), change);
  }

  later(delay: number, change: (world: BlockWorld) => unknown): void {
    this.#due.push({ at: this.#clock().getTime() + delay, change });
    this.#due.sort((a, b) => a.at - b.at);
  }

  #advance(): void {
    const now = this.#clock().getTime();
    for (let next = this.#due[0]; next !== undefined && next.at <= now; next = this.#due[0]) {
      this.#due.shift();
      this.#push(next.at, next.change);
    }
    const old = this.#versions.findLastIndex(({ at }) => at < now - remembered);
    if (old > 0) this.#versions = this.#versions.slice(old);
  }

  #push(at: number, change: (world: BlockWorld) => unknown): void {
    const { volumes, snapshots } = this.#last();
    const world = { volumes: new Map(volumes), snapshots: new Map(snapshots) };
    change(world);
    this.#versions.push({ at, world });
  }

  #last(): BlockWorld {
    return this.#versions.at(-1)?.world ?? { volumes: new Map(), snapshots: new Map() };
  }
}
