import { setTimeout as delay } from 'node:timers/promises';

/** Options of {@link until}; both in milliseconds. */
interface UntilOptions {
  readonly within?: number;
  readonly every?: number;
}

/**
 * Polls a condition until it gives something truthy, and returns that.
 * @throws AssertionError-like error naming what was awaited and the last failure, when the deadline passes.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { within = 30_000, every = 50 }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const deadline = Date.now() + within;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      // eslint-disable-next-line hivemind/no-default-error -- a test's own failure, nobody maps it by code
      throw new Error(`Not within ${within} ms: ${what}. Last seen: ${String(last)}`, { cause: last });
    }
    await delay(every);
  }
}
