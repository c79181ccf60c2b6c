import type { Log } from './log.ts';

/**
 * Background work: steps that run later, one at a time per key. What is planned here is also in the records, so that
 * a start after a crash plans it again.
 */
export class Work {
  readonly #log: Log;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #chains = new Map<string, Promise<unknown>>();
  readonly #running = new Set<Promise<unknown>>();
  #stopped = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Runs the step after a delay, under the key's lock. A failure is logged and the step tried again a second later. */
  later(key: string, delayMs: number, step: () => Promise<void>): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const run = this.locked(key, step).catch((error: unknown) => {
        this.#log.error('A step failed and is tried again', { key, error: String(error) });
        this.later(key, 1000, step);
      });
      this.#running.add(run);
      void run.finally(() => this.#running.delete(run));
    }, delayMs);
    this.#timers.add(timer);
  }

  /** Runs the task when every earlier one of the same key is over. */
  async locked<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#chains.get(key) ?? Promise.resolve();
    const mine = before.then(task, task);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#chains.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#chains.get(key) === settled) this.#chains.delete(key);
    }
  }

  /** Forgets what is planned and waits for what runs. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.cancel();
    await Promise.all([...this.#running, ...this.#chains.values()]);
  }

  /** Forgets what is planned. */
  cancel(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
