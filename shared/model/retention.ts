import * as z from 'zod';
import { ProductError } from './errors.ts';
import { parseTimezone, wallClockAt } from './timezone.ts';

/*
 * Which backups of one volume stay: restic's rules, by which each rule keeps the newest backup of each of the last N
 * periods that have one, and what any rule keeps stays. Beyond restic, so that no rule can cost the data:
 *
 * - Only good backups take a place. A failed one stays until a good one is newer than it, since until then it is the
 *   trace of what goes wrong; then no rule keeps it.
 * - The newest good backup, one in use and one under a hold stay whatever the rules say.
 * - A backup from the future (a clock was wrong) stays, and takes no place: else a wrong clock would push out the good
 *   ones before it, and be the "last good" in their place. When its time has come it is a backup as any other.
 * - Without a rule nothing is pruned.
 *
 * One difference to newer releases of restic: these also keep the oldest snapshot while a rule has places left. Here a
 * rule keeps one backup of a period, the first one included.
 */

const Count = z.int().min(1).max(1000);

/** How many to keep by each rule; a rule that is absent keeps none. */
export const Retention = z
  .strictObject({
    last: Count.optional().meta({ description: 'The newest backups' }),
    daily: Count.optional().meta({ description: 'The newest of each of the last days that have one' }),
    weekly: Count.optional().meta({ description: 'The newest of each of the last ISO weeks that have one' }),
    monthly: Count.optional().meta({ description: 'The newest of each of the last months that have one' }),
    yearly: Count.optional().meta({ description: 'The newest of each of the last years that have one' }),
  })
  .meta({
    id: 'Retention',
    description: 'Which backups to keep; without any rule all of them',
    example: { last: 3, daily: 7, weekly: 4, monthly: 6, yearly: 1 },
  });
export type Retention = z.infer<typeof Retention>;

/** What retention has to know of a backup. */
export interface RetainedBackup {
  readonly id: string;
  /** The moment that it holds (ISO 8601); for one that failed before its cut, when it was begun. */
  readonly cutAt: string;
  /** Complete, and can be restored. */
  readonly good: boolean;
  /** Being made, restored, copied or drilled. */
  readonly inUse: boolean;
  readonly held: boolean;
}

export type RuleName = 'last' | 'daily' | 'weekly' | 'monthly' | 'yearly';

/** A rule that keeps a backup, and the period it keeps it for: "2026-11-25", "2026-W48", "2026-11", "2026"; for `last` the place, "1" being the newest. */
export interface Rule {
  readonly rule: RuleName;
  readonly period: string;
}

/**
 * Why a backup stays whatever the rules say: `last-good` the newest that can be restored; `in-use`; `held`; `future`
 * its moment is still to come; `recent-failure` it failed, and nothing good is newer; `no-rules` there is no rule.
 */
export type Protection = 'last-good' | 'in-use' | 'held' | 'future' | 'recent-failure' | 'no-rules';

export interface RetentionPlan {
  /** Every backup that stays, newest first, with the rules that keep it: none where it is only protected. */
  readonly kept: ReadonlyMap<string, readonly Rule[]>;
  /** Every backup that no rule can prune, and why. */
  readonly protected: ReadonlyMap<string, readonly Protection[]>;
  /** Ids of all others, newest first. */
  readonly pruned: readonly string[];
}

export interface RetentionClock {
  /** IANA zone in which days, weeks, months and years are counted. */
  readonly timezone: string;
  readonly now: Date;
}

interface Dated extends RetainedBackup {
  readonly at: number;
}

/**
 * Decides which backups of one volume stay. Each is in `kept` or in `pruned`; one in `kept` has a rule or a protection.
 * @throws ProductError InvalidInput for an unknown zone, a time that is none, or an id given twice: nothing is decided then.
 */
export function keep(
  backups: readonly RetainedBackup[],
  rules: Retention,
  { timezone, now }: RetentionClock,
): RetentionPlan {
  const present = instantOfNow(now);
  const dated = newestFirst(backups);
  const counted = dated.filter(({ good, at }) => good && at <= present);
  const periods = periodsOf(counted, parseTimezone(timezone));
  const kept = new Map<string, Rule[]>(dated.map(({ id }) => [id, []]));
  for (const rule of ruleNames) {
    for (const [id, period] of keptBy(rule, rules[rule] ?? 0, periods)) kept.get(id)?.push({ rule, period });
  }
  const reasons = protections({ dated, lastGood: counted[0], rules, now: present });
  const pruned = dated.map(({ id }) => id).filter((id) => kept.get(id)?.length === 0 && !reasons.has(id));
  for (const id of pruned) kept.delete(id);
  return { kept, protected: reasons, pruned };
}

const ruleNames = ['last', 'daily', 'weekly', 'monthly', 'yearly'] as const satisfies readonly RuleName[];

/** No comparison with an invalid date holds: nothing would be the last good one. */
function instantOfNow(now: Date): number {
  const present = now.getTime();
  if (Number.isNaN(present))
    throw new ProductError('InvalidInput', 'The present time is not valid.', { value: String(now) });
  return present;
}

/** Two of the same moment are in the order of their ids, so that the outcome does not depend on a listing's order. */
function newestFirst(backups: readonly RetainedBackup[]): Dated[] {
  const seen = new Set<string>();
  const dated = backups.map((backup) => {
    const at = Date.parse(backup.cutAt);
    if (Number.isNaN(at))
      throw new ProductError('InvalidInput', `The time of backup ${backup.id} is not valid.`, {
        value: backup.cutAt,
        allowed: 'an ISO 8601 time such as "2026-11-25T02:00:00Z"',
      });
    if (seen.has(backup.id))
      throw new ProductError('InvalidInput', `Backup ${backup.id} is listed twice.`, { value: backup.id });
    seen.add(backup.id);
    return { ...backup, at };
  });
  return dated.toSorted((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
}

type Periods = Readonly<Record<RuleName, string>>;

/** The backups, newest first, each with the period it belongs to by each rule. */
function periodsOf(newestFirst: readonly Dated[], timezone: string): (readonly [id: string, Periods])[] {
  return newestFirst.map(({ id, at }, index) => {
    const { year, month, day } = wallClockAt(at, timezone);
    const yearly = String(year).padStart(4, '0');
    const monthly = `${yearly}-${two(month)}`;
    const daily = `${monthly}-${two(day)}`;
    return [id, { last: String(index + 1), daily, weekly: isoWeek(year, month, day), monthly, yearly }];
  });
}

/** A set, not the last period seen: where a clock is put back over midnight, a day comes twice. */
function keptBy(
  rule: RuleName,
  count: number,
  backups: readonly (readonly [id: string, Periods])[],
): Map<string, string> {
  const seen = new Set<string>();
  const kept = new Map<string, string>();
  for (const [id, { [rule]: period }] of backups) {
    if (seen.size >= count) break;
    if (!seen.has(period)) kept.set(id, period);
    seen.add(period);
  }
  return kept;
}

/** ISO 8601: weeks begin on Monday and belong to the year of their Thursday. */
function isoWeek(year: number, month: number, day: number): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  date.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  const weekYear = date.getUTCFullYear();
  const days = (date.getTime() - Date.UTC(weekYear, 0, 1)) / 86_400_000;
  return `${String(weekYear).padStart(4, '0')}-W${two(Math.floor(days / 7) + 1)}`;
}

interface Situation {
  /** Newest first. */
  readonly dated: readonly Dated[];
  readonly lastGood: Dated | undefined;
  readonly rules: Retention;
  readonly now: number;
}

function protections({ dated, lastGood, rules, now }: Situation): Map<string, Protection[]> {
  const noRules = !ruleNames.some((rule) => (rules[rule] ?? 0) > 0);
  return new Map(
    dated
      .map((backup): [string, Protection[]] => {
        const holds: Readonly<Record<Protection, boolean>> = {
          'last-good': backup === lastGood, // guard: retention-last-good off: 'last-good': false,
          'in-use': backup.inUse, // guard: retention-in-use off: 'in-use': false,
          held: backup.held, // guard: retention-held off: held: false,
          future: backup.at > now,
          'recent-failure': !backup.good && (lastGood === undefined || backup.at >= lastGood.at),
          'no-rules': noRules,
        };
        return [backup.id, protectionNames.filter((name) => holds[name])];
      })
      .filter(([, names]) => names.length > 0),
  );
}

const protectionNames = [
  'last-good',
  'in-use',
  'held',
  'future',
  'recent-failure',
  'no-rules',
] as const satisfies readonly Protection[];

function two(value: number): string {
  return String(value).padStart(2, '0');
}
