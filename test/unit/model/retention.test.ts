import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { parseInput } from '#shared/model/invalid-input.ts';
import { keep, Retention, type RetainedBackup, type RetentionPlan } from '#shared/model/retention.ts';

const late = new Date('2030-01-01T00:00:00Z');
const utc = { timezone: 'UTC', now: late };

function backup(cutAt: string, parts: Partial<RetainedBackup> = {}): RetainedBackup {
  return { id: cutAt, cutAt, good: true, inUse: false, held: false, ...parts };
}
const backups = (...times: string[]): RetainedBackup[] => times.map((time) => backup(time));

/** {id: ["daily 2026-11-25"]}, in order. */
function shown(plan: RetentionPlan): Record<string, string[]> {
  return Object.fromEntries(
    [...plan.kept].map(([id, rules]) => [id, rules.map(({ rule, period }) => `${rule} ${period}`)]),
  );
}

describe('a rule', () => {
  it('keeps the newest of each of the last periods that have one, over gaps', () => {
    const all = backups(
      '2026-11-25T02:00:00Z',
      '2026-11-25T01:00:00Z',
      '2026-11-20T23:59:59Z',
      '2026-11-20T00:00:00Z',
      '2025-03-01T00:00:00Z',
    );
    const plan = keep(all, { daily: 2 }, utc);
    expect(shown(plan)).toEqual({
      '2026-11-25T02:00:00Z': ['daily 2026-11-25'],
      '2026-11-20T23:59:59Z': ['daily 2026-11-20'],
    });
    expect(plan.pruned).toEqual(['2026-11-25T01:00:00Z', '2026-11-20T00:00:00Z', '2025-03-01T00:00:00Z']);
  });

  it('counts alone; what any rule keeps stays, and each says for which period', () => {
    const all = backups(
      '2026-11-25T02:00:00Z',
      '2026-11-24T02:00:00Z',
      '2026-11-22T02:00:00Z',
      '2026-10-31T02:00:00Z',
      '2025-12-31T02:00:00Z',
      '2025-12-30T02:00:00Z',
    );
    const plan = keep(all, { last: 1, daily: 2, weekly: 2, monthly: 2, yearly: 2 }, utc);
    expect(shown(plan)).toEqual({
      '2026-11-25T02:00:00Z': [
        'last 1',
        'daily 2026-11-25',
        'weekly 2026-W48',
        'monthly 2026-11',
        'yearly 2026',
      ],
      '2026-11-24T02:00:00Z': ['daily 2026-11-24'],
      '2026-11-22T02:00:00Z': ['weekly 2026-W47'],
      '2026-10-31T02:00:00Z': ['monthly 2026-10'],
      '2025-12-31T02:00:00Z': ['yearly 2025'],
    });
    expect(plan.pruned).toEqual(['2025-12-30T02:00:00Z']);
  });

  it.each([
    ['2024-12-30', '2025-W01'],
    ['2026-12-31', '2026-W53'],
    ['2027-01-01', '2026-W53'],
    ['2027-01-03', '2026-W53'],
    ['2027-01-04', '2027-W01'],
    ['2023-01-01', '2022-W52'],
  ])('weekly counts ISO weeks: %s is in %s', (date, week) => {
    const [only] = keep(backups(`${date}T12:00:00Z`), { weekly: 1 }, utc).kept.values();
    expect(only).toEqual([{ rule: 'weekly', period: week }]);
  });

  it('counts in the zone it is given', () => {
    const all = backups('2026-11-25T04:30:00Z', '2026-11-25T05:30:00Z');
    const daysIn = (timezone: string): string[] =>
      Object.values(shown(keep(all, { daily: 9 }, { timezone, now: late }))).flat();
    expect(daysIn('UTC')).toEqual(['daily 2026-11-25']);
    expect(daysIn('America/New_York')).toEqual(['daily 2026-11-25', 'daily 2026-11-24']);
    expect(daysIn('Pacific/Kiritimati')).toEqual(['daily 2026-11-25']);
  });

  it.each([
    [
      'Europe/Berlin',
      ['2026-03-28T22:59:59Z', '2026-03-28T23:00:00Z', '2026-03-29T21:59:59Z', '2026-03-29T22:00:00Z'],
    ],
    [
      'Europe/Berlin',
      ['2026-10-24T21:59:59Z', '2026-10-24T22:00:00Z', '2026-10-25T22:59:59Z', '2026-10-25T23:00:00Z'],
    ],
  ])('keeps one of a day of 23 or 25 hours (%s, %s)', (timezone, times) => {
    const [before = '', first = '', last = '', after = ''] = times;
    const plan = keep(backups(before, first, last, after), { daily: 9 }, { timezone, now: late });
    expect([...plan.kept.keys()]).toEqual([after, last, before]);
    expect(plan.pruned).toEqual([first]);
  });

  it('keeps one of a day that comes twice, where a clock is put back over midnight', () => {
    // St. John's put its clock back from 00:01 to 23:01: the 7th begins, the 6th comes back, the 7th begins again.
    const all = backups('2010-11-07T02:30:30Z', '2010-11-07T02:45:00Z', '2010-11-07T12:00:00Z');
    const plan = keep(all, { daily: 2 }, { timezone: 'America/St_Johns', now: late });
    expect(shown(plan)).toEqual({
      '2010-11-07T12:00:00Z': ['daily 2010-11-07'],
      '2010-11-07T02:45:00Z': ['daily 2010-11-06'],
    });
  });
});

describe('what no rule prunes', () => {
  const [newest, middle, oldest] = [
    '2026-11-25T02:00:00Z',
    '2026-11-24T02:00:00Z',
    '2026-11-23T02:00:00Z',
  ] as const;
  const rules = { last: 1 };

  it('is the newest good one, one in use, one under a hold', () => {
    const plan = keep(
      [
        backup(newest, { good: false }),
        backup(middle),
        backup(oldest, { inUse: true }),
        backup('2026-01-01T00:00:00Z', { held: true, good: false }),
        backup('2025-01-01T00:00:00Z'),
      ],
      rules,
      utc,
    );
    expect(Object.fromEntries(plan.protected)).toEqual({
      [newest]: ['recent-failure'],
      [middle]: ['last-good'],
      [oldest]: ['in-use'],
      '2026-01-01T00:00:00Z': ['held'],
    });
    expect(plan.pruned).toEqual(['2025-01-01T00:00:00Z']);
  });

  it('is a failed one until a good one is newer; it takes no place', () => {
    const failed = backup(middle, { good: false });
    expect(keep([failed, backup(oldest)], { last: 2 }, utc).pruned).toEqual([]);
    const plan = keep([backup(newest), failed, backup(oldest)], { last: 2 }, utc);
    expect(shown(plan)).toEqual({ [newest]: ['last 1'], [oldest]: ['last 2'] });
    expect(plan.pruned).toEqual([middle]);
    expect(keep([failed], rules, utc).protected.get(middle)).toEqual(['recent-failure']);
  });

  it('is one from the future, which takes no place and is not the last good one', () => {
    const now = new Date('2026-11-24T12:00:00Z');
    const plan = keep(backups(newest, middle, oldest), rules, { timezone: 'UTC', now });
    expect(shown(plan)).toEqual({ [newest]: [], [middle]: ['last 1'] });
    expect(Object.fromEntries(plan.protected)).toEqual({ [newest]: ['future'], [middle]: ['last-good'] });
  });

  it('is everything where there is no rule', () => {
    const plan = keep([backup(newest), backup(middle, { good: false })], {}, utc);
    expect([...plan.protected.values()]).toEqual([['last-good', 'no-rules'], ['no-rules']]);
    expect(plan.pruned).toEqual([]);
    expect(keep(backups(newest, middle), { last: 0 }, utc).pruned).toEqual([]);
  });
});

it('decides nothing over times, clocks, zones or ids that are none', () => {
  const two = backups('2026-11-25T02:00:00Z', '2026-11-24T02:00:00Z');
  expect(() => keep([backup('yesterday')], { last: 1 }, utc)).toThrow(
    /time of backup yesterday is not valid/,
  );
  expect(() => keep(two, { last: 1 }, { ...utc, now: new Date(Number.NaN) })).toThrow(/present time/);
  expect(() => keep(two, { last: 1 }, { ...utc, timezone: 'Berlin' })).toThrow(/"Berlin" is not a time zone/);
  expect(() => keep([...two, ...two], { last: 1 }, utc)).toThrow(/listed twice/);
});

it('takes rules of 1 to 1000, and none that it does not know', () => {
  expect(parseInput(Retention, { last: 1, yearly: 1000 }, 'body')).toEqual({ last: 1, yearly: 1000 });
  for (const wrong of [{ last: 0 }, { daily: 1001 }, { weekly: 1.5 }, { hourly: 1 }, { monthly: '1' }])
    expect(() => parseInput(Retention, wrong, 'body')).toThrow(/is not valid/);
});

const count = fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined });
const anyRules = fc
  .record({ last: count, daily: count, weekly: count, monthly: count, yearly: count })
  .map((rules) => JSON.parse(JSON.stringify(rules)) as Retention);
const anyZone = fc.constantFrom(
  'UTC',
  'Europe/Berlin',
  'America/St_Johns',
  'America/Havana',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Australia/Lord_Howe',
);
/** Moments in clusters, so that periods are shared, with the hours in which clocks change among them. */
const anyMoment = fc
  .tuple(
    fc.constantFrom(
      '2026-10-24T20:00:00Z',
      '2026-03-28T20:00:00Z',
      '2010-11-07T00:00:00Z',
      '2024-12-28T00:00:00Z',
    ),
    fc.oneof(fc.integer({ min: 0, max: 48 * 60 }), fc.integer({ min: 0, max: 1200 * 24 * 60 })),
  )
  .map(([start, minutes]) => new Date(Date.parse(start) + minutes * 60_000));
const anyBackups = fc
  .array(fc.tuple(anyMoment, fc.boolean(), fc.nat(9), fc.nat(9)), { maxLength: 60 })
  .map((all) =>
    all.map(([at, good, use, hold], index) => ({
      id: `b${index}`,
      cutAt: at.toISOString(),
      good,
      inUse: use === 0,
      held: hold === 0,
    })),
  );
const anyClock = fc.record({
  timezone: anyZone,
  now: fc.oneof(fc.constant(late), anyMoment, fc.date({ noInvalidDate: true })),
});

describe('whatever the backups, the rules and the clock', () => {
  test.prop([anyBackups, anyRules, anyClock])(
    'the last good one, what is in use or held, and the future are never pruned',
    (all, rules, clock) => {
      const { kept, pruned, protected: reasons } = keep(all, rules, clock);
      const present = all.filter(({ good, cutAt }) => good && new Date(cutAt) <= clock.now);
      const newest = Math.max(...present.map(({ cutAt }) => Date.parse(cutAt)));
      if (present.length > 0)
        expect(present.some(({ id, cutAt }) => Date.parse(cutAt) === newest && kept.has(id))).toBe(true);
      for (const { id, inUse, held, cutAt } of all)
        if (inUse || held || new Date(cutAt) > clock.now) expect(kept.has(id)).toBe(true);
      expect([...kept.keys(), ...pruned].toSorted()).toEqual(all.map(({ id }) => id).toSorted());
      for (const [id, by] of kept) expect(by.length + (reasons.get(id)?.length ?? 0)).toBeGreaterThan(0);
      for (const id of reasons.keys()) expect(kept.has(id)).toBe(true);
      if (all.some(({ good }) => good)) expect(all.some(({ id, good }) => good && kept.has(id))).toBe(true);
    },
  );

  test.prop([anyBackups, anyRules, anyClock])(
    'what was kept is kept again, by the same rules',
    (all, rules, clock) => {
      const first = keep(all, rules, clock);
      const again = keep(
        all.filter(({ id }) => first.kept.has(id)),
        rules,
        clock,
      );
      expect(again.pruned).toEqual([]);
      expect(again.kept).toEqual(first.kept);
    },
  );

  test.prop([anyBackups, fc.tuple(anyRules, anyRules), anyClock])(
    'more generous rules keep all that the others keep',
    (all, [rules, more], clock) => {
      fc.pre(Object.keys(rules).length > 0);
      const names = ['last', 'daily', 'weekly', 'monthly', 'yearly'] as const;
      const generous = Object.fromEntries(
        names.map((name) => [name, (rules[name] ?? 0) + (more[name] ?? 0)]),
      );
      const kept = keep(all, generous, clock).kept;
      for (const id of keep(all, rules, clock).kept.keys()) expect(kept.has(id)).toBe(true);
    },
  );

  test.prop([anyBackups, anyRules, anyClock])(
    'rules together keep what each keeps alone',
    (all, rules, clock) => {
      fc.pre(Object.keys(rules).length > 0);
      const alone = Object.entries(rules).flatMap(([name, value]) => [
        ...keep(all, { [name]: value }, clock).kept,
      ]);
      const together = keep(all, rules, clock).kept;
      for (const [id, by] of together) {
        const each = alone.filter(([other]) => other === id).flatMap(([, rulesAlone]) => rulesAlone);
        expect(new Set(by.map((rule) => JSON.stringify(rule)))).toEqual(
          new Set(each.map((rule) => JSON.stringify(rule))),
        );
      }
      expect(new Set(together.keys())).toEqual(new Set(alone.map(([id]) => id)));
    },
  );

  test.prop([anyBackups, anyRules, anyClock])(
    'a rule keeps one for each of its periods',
    (all, rules, clock) => {
      const by = [...keep(all, rules, clock).kept.values()].flat();
      expect(new Set(by.map(({ rule, period }) => `${rule} ${period}`)).size).toBe(by.length);
      for (const [name, value] of Object.entries(rules))
        expect(by.filter(({ rule }) => rule === name).length).toBeLessThanOrEqual(value ?? 0);
    },
  );

  test.prop([fc.tuple(anyBackups, fc.infiniteStream(fc.nat())), anyRules, anyClock])(
    'the order of the listing does not matter',
    ([all, keys], rules, clock) => {
      const shuffled = all
        .map((each) => ({ each, key: keys.next().value ?? 0 }))
        .toSorted((a, b) => a.key - b.key)
        .map(({ each }) => each);
      expect(keep(shuffled, rules, clock)).toEqual(keep(all, rules, clock));
    },
  );

  test.prop([anyBackups, anyRules, fc.tuple(anyZone, anyMoment, fc.integer({ min: 1, max: 1e12 }))])(
    'a clock that is behind prunes not what a right one keeps as the last good one',
    (all, rules, [timezone, now, behind]) => {
      const wrong = keep(all, rules, { timezone, now: new Date(now.getTime() - behind) });
      const right = keep(all, rules, { timezone, now });
      for (const [id, why] of right.protected)
        if (why.includes('last-good')) expect(wrong.kept.has(id)).toBe(true);
    },
  );
});
