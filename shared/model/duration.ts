import * as z from 'zod';
import { ProductError } from './errors.ts';

const units = { d: 86_400, h: 3600, m: 60, s: 1 } as const;
const pattern = /^(\d{1,9})([dhms])$/;
const allowed = 'a whole number and a unit: "90m", "26h", "2d"';

/**
 * Parses "45s", "90m", "26h", "2d" to seconds. A day is 24 hours, also when the clocks change.
 * @throws ProductError InvalidInput with the value and what is allowed.
 */
export function parseDuration(text: string): number {
  const [, amount, unit] = pattern.exec(text.trim().toLowerCase()) ?? [];
  const seconds = Number(amount) * units[unit as keyof typeof units];
  if (amount === undefined || seconds === 0)
    throw new ProductError('InvalidInput', `"${text}" is not a duration.`, { value: text, allowed });
  return seconds;
}

/** Renders whole seconds in the largest unit that gives a whole number: 93600 -> "26h", 172800 -> "2d". */
export function formatDuration(seconds: number): string {
  const [unit, size] =
    Object.entries(units).find(([, length]) => seconds >= length && seconds % length === 0) ??
    (['s', 1] as const);
  return `${seconds / size}${unit}`;
}

/** Shorter than this, every pause between two runs would be an alarm. */
const minObjective = '5m';
const maxObjective = '3650d';

/** How old a volume's newest good backup may get; past it an alarm says so. */
export const Objective = z
  .string()
  .max(20)
  .superRefine((text, context) => {
    const problem = objectiveProblem(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({
    id: 'Objective',
    description: "How old a volume's newest good backup may get before it counts as overdue",
    example: '26h',
  });

function objectiveProblem(text: string): string | undefined {
  try {
    const seconds = parseDuration(text);
    const fits = seconds >= parseDuration(minObjective) && seconds <= parseDuration(maxObjective);
    return fits ? undefined : `must be ${minObjective} to ${maxObjective}`;
  } catch {
    return `must be ${allowed}`;
  }
}
