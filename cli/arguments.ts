import { ProductError } from '#shared/model/errors.ts';

/**
 * The name of what a command is about: `hivemind volume delete NAME` and `… --name NAME` are the same.
 * @throws ProductError InvalidInput when neither is given, or both and they differ.
 */
export function oneName(positional: string | undefined, flag: string | undefined, what = 'name'): string {
  if (positional !== undefined && flag !== undefined && positional !== flag) {
    throw new ProductError('InvalidInput', `Two ${what}s are given: "${positional}" and "${flag}".`, {
      value: [positional, flag],
      allowed: `one ${what}, as argument or with --${what}`,
    });
  }
  const name = positional ?? flag;
  if (name !== undefined && name !== '') return name;
  throw new ProductError('InvalidInput', `No ${what} is given.`, {
    allowed: `one ${what}, as argument or with --${what}`,
  });
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Parses "90s", "5m", "1h" or plain seconds, to milliseconds.
 * @throws ProductError InvalidInput
 */
export function parseDuration(text: string): number {
  const [, amount, unit = 's'] = /^(\d{1,9})(ms|s|m|h)?$/.exec(text.trim()) ?? [];
  if (amount === undefined) {
    throw new ProductError('InvalidInput', `"${text}" is not a duration.`, {
      value: text,
      allowed: 'seconds, or a whole number and a unit: "90s", "5m", "1h"',
    });
  }
  return Number(amount) * (units[unit] ?? 1000);
}
