import { ProductError } from '#shared/model/errors.ts';

/** A job under way, for the health report. */
export interface RunningJob {
  readonly key: string;
  readonly what: string;
  readonly since: number;
}

/**
 * One job at a time for a volume; different volumes run side by side.
 *
 * INVARIANTS
 * - Jobs of one key run in the order in which they were given; one that fails does not stop the next.
 * - A job must not give a job of its own key and wait for it: that would wait for ever.
 * - After `stop()` no job begins; the ones that run see their signal aborted, end their present command and return.
 */
export interface Runner {
  /** Waits its turn. Rejects as the job does. */
  run<T>(key: string, what: string, job: (signal: AbortSignal) => Promise<T>): Promise<T>;
  isBusy(key: string): boolean;
  running(): readonly RunningJob[];
  /** Aborted by stop(). */
  readonly stopping: AbortSignal;
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>;
}

export function createRunner(now: () => number = Date.now): Runner {
  const tails = new Map<string, Promise<unknown>>();
  const jobs = new Set<RunningJob>();
  const stopping = new AbortController();

  const begin = async <T>(
    key: string,
    what: string,
    job: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    if (stopping.signal.aborted) throw stopped();
    const entry = { key, what, since: now() };
    jobs.add(entry);
    try {
      return await job(stopping.signal);
    } finally {
      jobs.delete(entry);
    }
  };

  return {
    run(key, what, job) {
      const before = tails.get(key) ?? Promise.resolve();
      const mine = before.then(() => begin(key, what, job));
      const tail = mine.catch(() => undefined);
      tails.set(key, tail);
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      return mine;
    },
    isBusy: (key) => tails.has(key),
    running: () => [...jobs],
    stopping: stopping.signal,
    async stop() {
      stopping.abort();
      while (tails.size > 0) await Promise.race(tails.values());
    },
  };
}

function stopped(): ProductError {
  return new ProductError('Unavailable', 'The agent is stopping.', { hint: 'Try again when it runs.' });
}
