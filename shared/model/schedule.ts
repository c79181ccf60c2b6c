import * as z from 'zod';
import { ProductError } from './errors.ts';
import { instantOf, parseTimezone, wallClockAt, type WallClock } from './timezone.ts';

/*
 * Schedules of five fields, as cron's, and what EventBridge Scheduler makes of them. It reads the time in the schedule's
 * zone, and as it documents it: a time that the clocks skip in spring does not run on that day, and one that comes twice
 * in autumn runs once. Of its two moments the first is taken here; and "once" holds for every run, also of an hourly
 * schedule. That is not what cron does, nor any cron library we know, so the next runs are found here.
 */

/** A parsed schedule: the values of each field that run, ascending. Days of the week from 0 (Sunday) to 6. */
export interface Schedule {
  /** As it was written. */
  readonly text: string;
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  readonly months: readonly number[];
  readonly daysOfWeek: readonly number[];
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names of values, from `min` on. */
  readonly names?: readonly string[];
}

const monthNames = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const dayNames = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

const minute: Field = { name: 'minute', min: 0, max: 59 };
const hour: Field = { name: 'hour', min: 0, max: 23 };
const dayOfMonth: Field = { name: 'day of the month', min: 1, max: 31 };
const month: Field = { name: 'month', min: 1, max: 12, names: monthNames };
/** 7 is Sunday too. */
const dayOfWeek: Field = { name: 'day of the week', min: 0, max: 7, names: dayNames };
const fields: readonly Field[] = [minute, hour, dayOfMonth, month, dayOfWeek];

const presets = new Map([
  ['@hourly', '0 * * * *'],
  ['@daily', '0 0 * * *'],
  ['@weekly', '0 0 * * 0'],
  ['@monthly', '0 0 1 * *'],
  ['@yearly', '0 0 1 1 *'],
]);

const allowedText = `five fields (minute, hour, day of the month, month, day of the week) such as "0 2 * * *", or ${[...presets.keys()].join(', ')}`;

/**
 * Parses a five-field schedule: "*", values, names (MON, JAN), ranges, lists, and steps over "*" or a range.
 * @throws ProductError InvalidInput naming the field, its place, its value and what is allowed; and for a schedule that
 * sets both days, which EventBridge cannot say, or that never comes.
 */
export function parseSchedule(text: string): Schedule {
  const trimmed = text.trim();
  const expression = presets.get(trimmed.toLowerCase()) ?? trimmed;
  const parts = expression.split(/\s+/);
  if (parts.length !== fields.length)
    throw new ProductError('InvalidInput', `"${text}" is not a schedule.`, {
      value: text,
      allowed: allowedText,
    });
  const [minutes, hours, daysOfMonth, months, weekdays] = fields.map((field, index) =>
    parseField(parts[index] ?? '', { field, place: index + 1, schedule: text }),
  ) as [number[], number[], number[], number[], number[]];
  const daysOfWeek = sorted(weekdays.map((day) => day % 7));
  const schedule = { text, minutes, hours, daysOfMonth, months, daysOfWeek };
  refuseBothDays(schedule, parts);
  refuseNever(schedule);
  return schedule;
}

export const ScheduleText = z
  .string()
  .max(200)
  .superRefine((text, context) => {
    try {
      parseSchedule(text);
    } catch (error) {
      if (!(error instanceof ProductError)) throw error;
      const { allowed, hint } = error.details;
      const more = [
        allowed === undefined ? '' : ` Allowed: ${allowed}.`,
        hint === undefined ? '' : ` ${hint}`,
      ];
      context.addIssue({ code: 'custom', message: `${error.message}${more.join('')}`.replace(/\.$/, '') });
    }
  })
  .meta({
    id: 'Schedule',
    description: 'When to run: a schedule of five fields, as cron',
    example: '0 2 * * *',
  });

/** When to drill, or `off`. */
export const DrillSchedule = z
  .string()
  .max(200)
  .superRefine((text, context) => {
    const checked = text === 'off' ? undefined : ScheduleText.safeParse(text);
    for (const { message } of checked?.error?.issues ?? []) context.addIssue({ code: 'custom', message });
  })
  .meta({ id: 'DrillSchedule', description: 'A schedule as of runs, or `off`', example: '0 4 * * 0' });

interface Place {
  readonly field: Field;
  /** From 1 on. */
  readonly place: number;
  readonly schedule: string;
}

function parseField(text: string, at: Place): number[] {
  return sorted(text.split(',').flatMap((item) => parseItem(item, at)));
}

const itemPattern = /^(?:(\*)|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:\/(\d{1,3}))?$/i;

/** One part of a list: "*", "5", "MON-FRI", "*" or a range with "/step". */
function parseItem(item: string, at: Place): number[] {
  const [, all, first, last, every] = itemPattern.exec(item) ?? [];
  const { min, max } = at.field;
  const step = every === undefined ? 1 : Number(every);
  if ((all ?? first) === undefined || step === 0) throw refuseField(item, at);
  if (all !== undefined) return range({ from: min, to: max, step });
  const from = valueOf(first ?? '', at);
  if (last === undefined) {
    // Some crons read 5/15 as 5-59/15, others as 5.
    if (every !== undefined)
      throw refuseField(item, at, `Write "${first}-${max}/${every}" for every ${every} from ${first} on.`);
    return [from];
  }
  const until = valueOf(last, at);
  // A week may end with Sunday: FRI-SUN.
  const to = at.field === dayOfWeek && until === 0 && from > 0 ? 7 : until;
  if (to < from) throw refuseField(item, at, `A range ascends: "${last}-${first}", or two ranges.`);
  return range({ from, to, step });
}

function valueOf(text: string, at: Place): number {
  const { min, max, names = [] } = at.field;
  const named = names.indexOf(text.toUpperCase());
  const value = named >= 0 ? named + min : /^\d{1,2}$/.test(text) ? Number(text) : -1;
  if (value < min || value > max) throw refuseField(text, at);
  return value;
}

function range({ from, to, step }: { from: number; to: number; step: number }): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
}

function sorted(values: readonly number[]): number[] {
  return [...new Set(values)].toSorted((a, b) => a - b);
}

function refuseField(value: string, { field, place, schedule }: Place, hint?: string): ProductError {
  const { name, min, max, names } = field;
  const byName = names === undefined ? '' : `, or ${names[0]} to ${names.at(-1)}`;
  return new ProductError(
    'InvalidInput',
    `"${value}" in field ${place} (${name}) of the schedule "${schedule}" is not valid.`,
    {
      value,
      allowed: `"*", ${min} to ${max}${byName}; ranges "a-b", lists "a,b", steps "*/n" and "a-b/n"`,
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

function refuseBothDays({ text }: Schedule, parts: readonly string[]): void {
  const [, , inMonth, , inWeek] = parts;
  if (inMonth === '*' || inWeek === '*') return;
  throw new ProductError(
    'InvalidInput',
    `The schedule "${text}" sets both the day of the month ("${inMonth}") and the day of the week ("${inWeek}"). Cron runs when either matches, and EventBridge Scheduler cannot say "or".`,
    {
      value: text,
      allowed: '"*" in field 3 (day of the month) or in field 5 (day of the week)',
      hint: 'Make two policies, one for each day.',
    },
  );
}

const longestMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function refuseNever({ text, daysOfMonth, months }: Schedule): void {
  const first = daysOfMonth[0] ?? 1;
  if (months.some((each) => first <= (longestMonths[each - 1] ?? 0))) return;
  throw new ProductError(
    'InvalidInput',
    `The schedule "${text}" never runs: no such day is in these months.`,
    {
      value: text,
      allowed: 'a day of the month that one of the months has',
    },
  );
}

/**
 * EventBridge Scheduler's expression for a schedule: "0 2 * * 1-5" -> "cron(0 2 ? * 2-6 *)". It counts the days of the
 * week from 1 (Sunday), wants "?" in the one of the two day fields that is not used, and has a sixth field for years.
 */
export function toEventBridge({ minutes, hours, daysOfMonth, months, daysOfWeek }: Schedule): string {
  const byWeek = daysOfWeek.length < 7;
  const inMonth = byWeek ? '?' : render(daysOfMonth, dayOfMonth);
  const inWeek = byWeek
    ? render(
        daysOfWeek.map((day) => day + 1),
        { name: dayOfWeek.name, min: 1, max: 7 },
      )
    : '?';
  return `cron(${render(minutes, minute)} ${render(hours, hour)} ${inMonth} ${render(months, month)} ${inWeek} *)`;
}

/** "*", "a/step" where the values go on to the field's end, else values and ranges: what EventBridge documents, no more. */
function render(values: readonly number[], { min, max }: Field): string {
  if (values.length === max - min + 1) return '*';
  const [first = min, second = first] = values;
  const step = second - first;
  const onwards = values.length > 2 && step > 1 ? range({ from: first, to: max, step }) : [];
  if (onwards.join() === values.join()) return `${first}/${step}`;
  return runs(values)
    .map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
    .join(',');
}

/** [1,2,3,7] -> [[1,3],[7,7]] */
function runs(values: readonly number[]): [from: number, to: number][] {
  const found: [number, number][] = [];
  for (const value of values) {
    const open = found.at(-1);
    if (open !== undefined && open[1] === value - 1) open[1] = value;
    else found.push([value, value]);
  }
  return found;
}

/** 29 February is at most eight years away. */
const horizonDays = 8 * 366 + 1;

/**
 * The next runs after an instant, exclusive, in the order of time; fewer than asked only where the zone's clock skips all
 * others of the next eight years.
 * @throws ProductError InvalidInput for an unknown zone.
 */
export function nextRuns(
  schedule: Schedule,
  timezone: string,
  { after, count }: { after: Date; count: number },
): Date[] {
  const zone = parseTimezone(timezone);
  const today = wallClockAt(after.getTime(), zone);
  const found: Date[] = [];
  let idle = 0;
  for (let ahead = 0; found.length < count && idle < horizonDays; ahead++) {
    idle += 1;
    for (const run of runsOn(dayAfter(today, ahead), schedule, zone)) {
      if (run <= after.getTime()) continue;
      found.push(new Date(run));
      idle = 0;
      if (found.length >= count) break;
    }
  }
  return found;
}

function dayAfter({ year, month: inYear, day }: WallClock, days: number): Date {
  return new Date(Date.UTC(year, inYear - 1, day + days));
}

/** @param day the date, as midnight UTC */
function* runsOn(day: Date, schedule: Schedule, timezone: string): Generator<number> {
  const date = { year: day.getUTCFullYear(), month: day.getUTCMonth() + 1, day: day.getUTCDate() };
  const { minutes, hours } = schedule;
  if (!runsOnDate(day, schedule)) return;
  for (const atHour of hours) {
    for (const atMinute of minutes) {
      const instant = instantOf({ ...date, hour: atHour, minute: atMinute, second: 0 }, timezone);
      if (instant !== undefined) yield instant;
    }
  }
}

/** Holds every kind of year: 29 February comes twice, and eight years lie between two of them in 1896 only. */
const [gapFrom, gapDays] = [Date.UTC(2024, 0, 1), 9 * 366];

/** The longest time between two runs, in minutes, by the clock on the wall. */
export function longestGap(schedule: Schedule): number {
  const times = schedule.hours.flatMap((atHour) =>
    schedule.minutes.map((atMinute) => atHour * 60 + atMinute),
  );
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const within = times.slice(1).map((time, index) => time - (times[index] ?? time));
  const days = Array.from({ length: gapDays }, (_, index) => new Date(gapFrom + index * 86_400_000))
    .map((day, index) => (runsOnDate(day, schedule) ? index : -1))
    .filter((index) => index >= 0);
  const between = days.slice(1).map((day, index) => (day - (days[index] ?? day)) * 1_440 - (last - first));
  return Math.max(...within, ...between, 1);
}

function runsOnDate(day: Date, { months, daysOfMonth, daysOfWeek }: Schedule): boolean {
  return (
    months.includes(day.getUTCMonth() + 1) &&
    daysOfMonth.includes(day.getUTCDate()) &&
    daysOfWeek.includes(day.getUTCDay())
  );
}
