import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { isProductError, type ProductError } from '#shared/model/errors.ts';
import { parseInput } from '#shared/model/invalid-input.ts';
import { nextRuns, parseSchedule, ScheduleText, toEventBridge } from '#shared/model/schedule.ts';
import { parseTimezone, Timezone } from '#shared/model/timezone.ts';

function refusal(act: () => unknown): ProductError {
  try {
    act();
  } catch (error) {
    if (isProductError(error, 'InvalidInput')) return error;
    throw error;
  }
  return expect.fail('was not refused');
}

describe("EventBridge's expression", () => {
  it.each([
    ['0 2 * * *', 'cron(0 2 * * ? *)'],
    ['*/15 * * * *', 'cron(0/15 * * * ? *)'],
    ['0,15,30,45 0-6/2 * * *', 'cron(0/15 0,2,4,6 * * ? *)'],
    ['5-59/10 * * * *', 'cron(5/10 * * * ? *)'],
    ['30 1,13 1-7,15 JAN,jul-sep *', 'cron(30 1,13 1-7,15 1,7-9 ? *)'],
    ['0 2 * * 0', 'cron(0 2 ? * 1 *)'],
    ['0 2 * * 7', 'cron(0 2 ? * 1 *)'],
    ['0 2 * * MON-FRI', 'cron(0 2 ? * 2-6 *)'],
    ['0 2 * * fri-sun', 'cron(0 2 ? * 1,6-7 *)'],
    ['0 2 * * 0-7', 'cron(0 2 * * ? *)'],
    ['  0   2  29 2 * ', 'cron(0 2 29 2 ? *)'],
    ['@hourly', 'cron(0 * * * ? *)'],
    ['@daily', 'cron(0 0 * * ? *)'],
    ['@weekly', 'cron(0 0 ? * 1 *)'],
    ['@monthly', 'cron(0 0 1 * ? *)'],
    ['@yearly', 'cron(0 0 1 1 ? *)'],
  ])('of "%s" is %s', (text, expression) => {
    expect(toEventBridge(parseSchedule(text))).toBe(expression);
  });
});

describe('a schedule is refused', () => {
  it.each([
    ['61 2 * * *', '61', 'field 1 (minute)', '0 to 59'],
    ['0 24 * * *', '24', 'field 2 (hour)', '0 to 23'],
    ['0 2 0 * *', '0', 'field 3 (day of the month)', '1 to 31'],
    ['0 2 * 13 *', '13', 'field 4 (month)', '1 to 12, or JAN to DEC'],
    ['0 2 * * 8', '8', 'field 5 (day of the week)', '0 to 7, or SUN to SAT'],
    ['0 2 * MON *', 'MON', 'field 4 (month)', 'JAN to DEC'],
    ['0 2 L * *', 'L', 'field 3 (day of the month)', '1 to 31'],
    ['0 2 * * MON#1', 'MON#1', 'field 5 (day of the week)', 'SUN to SAT'],
    ['*/0 2 * * *', '*/0', 'field 1 (minute)', '"*/n"'],
    ['1,,2 2 * * *', '', 'field 1 (minute)', 'lists "a,b"'],
    ['1.5 2 * * *', '1.5', 'field 1 (minute)', '0 to 59'],
  ])('"%s": "%s" in %s', (...[text, value, place, allowed]) => {
    const error = refusal(() => parseSchedule(text));
    expect(error.message).toBe(`"${value}" in ${place} of the schedule "${text}" is not valid.`);
    expect(error.details.value).toBe(value);
    expect(error.details.allowed).toContain(allowed);
  });

  it.each([
    ['5/15 * * * *', '5-59/15'],
    ['0 22-4 * * *', '"4-22"'],
  ])('"%s", with what to write instead', (text, hint) => {
    expect(refusal(() => parseSchedule(text)).details.hint).toContain(hint);
  });

  it.each(['', '0 2 * *', '0 2 * * * *', '0 0 2 * * ?', '@reboot', 'rate(1 day)', 'constructor'])(
    '"%s": five fields, or a preset',
    (text) => {
      expect(refusal(() => parseSchedule(text)).details.allowed).toMatch(/five fields .*@daily/);
    },
  );

  it('that sets both days, with the reason', () => {
    for (const text of ['0 2 1 * MON', '0 2 */2 * 1', '0 2 1-31 * 0-6']) {
      const error = refusal(() => parseSchedule(text));
      expect(error.message).toMatch(/sets both the day of the month .* cannot say "or"/);
      expect(error.details).toMatchObject({ value: text, hint: 'Make two policies, one for each day.' });
    }
  });

  it('that never comes', () => {
    for (const text of ['0 2 30 2 *', '0 2 31 2,4,6 *'])
      expect(refusal(() => parseSchedule(text)).message).toContain('never runs');
  });

  it('in a body, with all of that in the message', () => {
    const error = refusal(() => parseInput(ScheduleText, '0 2 1 * 1', 'body'));
    expect(error.message).toMatch(/sets both the day.*Allowed: "\*" in field 3.*Make two policies/);
    expect(parseInput(ScheduleText, '0 2 * * *', 'body')).toBe('0 2 * * *');
  });
});

describe('time zones', () => {
  it('are those of IANA, also under their newer names, and UTC', () => {
    for (const zone of [
      'UTC',
      'Etc/UTC',
      'Europe/Berlin',
      'Asia/Kolkata',
      'Europe/Kyiv',
      'America/Argentina/Ushuaia',
    ])
      expect(parseTimezone(zone)).toBe(zone);
  });

  it.each([
    ['Berlin', 'Europe/Berlin'],
    ['europe/berlin', 'Europe/Berlin'],
    ['new york', 'America/New_York'],
    ['utc', 'UTC'],
  ])('%s is refused, with the one that was meant', (text, meant) => {
    expect(refusal(() => parseTimezone(text)).details.hint).toBe(`Did you mean "${meant}"?`);
  });

  it.each(['', '+01:00', 'Mars/Olympus', 'Europe/', '../etc/passwd'])('%j is refused', (text) => {
    const { details } = refusal(() => parseTimezone(text));
    expect(details).toMatchObject({ value: text, allowed: expect.stringContaining('IANA') });
    expect(details.hint).toBeUndefined();
    expect(() => parseInput(Timezone, text, 'body')).toThrow(/IANA time zone/);
  });
});

function next(text: string, timezone: string, [after, count = 3]: [after: string, count?: number]): string[] {
  return nextRuns(parseSchedule(text), timezone, { after: new Date(after), count }).map((run) =>
    run.toISOString(),
  );
}

describe('the next runs', () => {
  it('come after the moment that is given, not at it', () => {
    expect(next('0 2 * * *', 'UTC', ['2026-11-25T02:00:00Z', 2])).toEqual([
      '2026-11-26T02:00:00.000Z',
      '2026-11-27T02:00:00.000Z',
    ]);
    expect(next('0 2 * * *', 'UTC', ['2026-11-25T01:59:59.999Z', 1])).toEqual(['2026-11-25T02:00:00.000Z']);
    expect(next('* * * * *', 'UTC', ['2026-12-31T23:59:30Z', 0])).toEqual([]);
  });

  it('keep their time on the wall when the clocks change', () => {
    expect(next('0 4 * * *', 'Europe/Berlin', ['2026-03-28T00:00:00Z'])).toEqual([
      '2026-03-28T03:00:00.000Z',
      '2026-03-29T02:00:00.000Z',
      '2026-03-30T02:00:00.000Z',
    ]);
  });

  it('leave out a time that spring skips', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', ['2026-03-28T00:00:00Z'])).toEqual([
      '2026-03-28T01:30:00.000Z',
      '2026-03-30T00:30:00.000Z',
      '2026-03-31T00:30:00.000Z',
    ]);
    expect(next('0 * * * *', 'Europe/Berlin', ['2026-03-28T23:30:00Z'])).toEqual([
      '2026-03-29T00:00:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T02:00:00.000Z',
    ]);
    expect(next('0 12 30 12 *', 'Pacific/Apia', ['2011-06-01T00:00:00Z', 1])).toEqual([
      '2012-12-29T22:00:00.000Z',
    ]);
  });

  it('run once at a time that autumn doubles, the first time, also when hourly', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', ['2026-10-24T12:00:00Z', 2])).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
    expect(next('30 2 * * *', 'Europe/Berlin', ['2026-10-25T00:45:00Z', 1])).toEqual([
      '2026-10-26T01:30:00.000Z',
    ]);
    expect(next('0 * * * *', 'Europe/Berlin', ['2026-10-24T23:30:00Z'])).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T02:00:00.000Z',
      '2026-10-25T03:00:00.000Z',
    ]);
  });

  it('reach over eight years without a 29 February', () => {
    expect(next('0 0 29 2 *', 'UTC', ['2096-03-01T00:00:00Z', 2])).toEqual([
      '2104-02-29T00:00:00.000Z',
      '2108-02-29T00:00:00.000Z',
    ]);
  });
});

/** A field as cron writes it, and which values it means: made together, so that nothing is parsed to know it. */
interface AnyField {
  readonly text: string;
  readonly has: (value: number) => boolean;
}

function anyField(min: number, max: number, names: readonly string[] = []): fc.Arbitrary<AnyField> {
  const write = (value: number): fc.Arbitrary<string> => {
    const name = names[value - min];
    return name === undefined
      ? fc.constant(String(value))
      : fc.constantFrom(String(value), name, name.toLowerCase());
  };
  const value = fc.integer({ min, max });
  const single = value.chain((only) => write(only).map((text) => ({ text, has: (n: number) => n === only })));
  const span = fc.tuple(value, value, fc.integer({ min: 1, max: 20 })).chain(([a, b, step]) => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)];
    const has = (n: number): boolean => n >= from && n <= to && (n - from) % step === 0;
    return fc
      .tuple(write(from), write(to))
      .map(([first, last]) => ({ text: `${first}-${last}${step === 1 ? '' : `/${step}`}`, has }));
  });
  const steps = fc
    .integer({ min: 1, max: 20 })
    .map((step) => ({ text: `*/${step}`, has: (n: number) => (n - min) % step === 0 }));
  const list = fc.array(fc.oneof(single, span, steps), { minLength: 1, maxLength: 4 }).map((items) => ({
    text: items.map(({ text }) => text).join(','),
    has: (n: number) => items.some(({ has }) => has(n)),
  }));
  return fc.oneof(anyValue, list);
}
const everyValue: AnyField = { text: '*', has: () => true };
const anyValue = fc.constant(everyValue);

interface Minute {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  /** 0 is Sunday. */
  readonly weekday: number;
}

function minuteOf(date: Date): Minute {
  return {
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    weekday: date.getUTCDay(),
  };
}

interface AnySchedule {
  readonly text: string;
  readonly runs: (minute: Minute) => boolean;
}

const days: fc.Arbitrary<readonly [inMonth: AnyField, inWeek: AnyField]> = fc.oneof(
  fc.tuple(anyField(1, 28), anyValue),
  fc.tuple(anyValue, anyField(0, 6, ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'])),
);
const monthNames = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const anySchedule: fc.Arbitrary<AnySchedule> = fc
  .tuple(anyField(0, 59), anyField(0, 23), days, anyField(1, 12, monthNames))
  .map(([minutes, hours, [inMonth, inWeek], months]) => ({
    text: [minutes, hours, inMonth, months, inWeek].map(({ text }) => text).join(' '),
    runs: ({ minute, hour, day, month, weekday }) =>
      minutes.has(minute) && hours.has(hour) && inMonth.has(day) && months.has(month) && inWeek.has(weekday),
  }));

/** EventBridge's documentation, word by word: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html */
function eventBridgeRuns(expression: string, { minute, hour, day, month, weekday }: Minute): boolean {
  const fields =
    /^cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)$/.exec(expression)?.slice(1) ?? expect.fail(expression);
  const [minutes = '', hours = '', inMonth = '', months = '', inWeek = '', years = ''] = fields;
  expect([inMonth, inWeek].filter((field) => field === '?')).toHaveLength(1);
  expect(years).toBe('*');
  expect(expression.length).toBeLessThanOrEqual(256);
  return (
    selects(minutes, minute) &&
    selects(hours, hour) &&
    (inMonth === '?' || selects(inMonth, day)) &&
    selects(months, month) &&
    (inWeek === '?' || selects(inWeek, weekday + 1))
  );
}

function selects(field: string, value: number): boolean {
  return field.split(',').some((item) => {
    if (item === '*') return true;
    const [, from, sign, other] =
      /^(\d+)(?:([-/])(\d+))?$/.exec(item) ?? expect.fail(`"${item}" is not documented`);
    if (sign === undefined) return value === Number(from);
    if (sign === '-') return value >= Number(from) && value <= Number(other);
    return value >= Number(from) && (value - Number(from)) % Number(other) === 0;
  });
}

const anyDate = fc.date({ min: new Date('1999-01-01'), max: new Date('2090-01-01'), noInvalidDate: true });

describe('whatever the schedule', () => {
  test.prop([anySchedule, fc.array(anyDate, { minLength: 50, maxLength: 50 })])(
    "EventBridge's expression selects the same minutes",
    (schedule, dates) => {
      const parsed = parseSchedule(schedule.text);
      const expression = toEventBridge(parsed);
      const due = nextRuns(parsed, 'UTC', { after: dates[0] ?? new Date(0), count: 5 });
      expect(due).toHaveLength(5);
      for (const run of due) expect(schedule.runs(minuteOf(run))).toBe(true);
      const around = due.flatMap((run) =>
        [-1, 0, 1].map((minutes) => new Date(run.getTime() + minutes * 60_000)),
      );
      for (const date of [...dates, ...around])
        expect([date, eventBridgeRuns(expression, minuteOf(date))]).toEqual([
          date,
          schedule.runs(minuteOf(date)),
        ]);
    },
  );

  test.prop([
    anySchedule,
    fc.constantFrom(
      ['Europe/Berlin', '2026-03-28T22:00:00Z'],
      ['Europe/Berlin', '2026-10-24T22:00:00Z'],
      ['America/Havana', '2026-10-31T22:00:00Z'],
      ['America/Santiago', '2026-09-05T12:00:00Z'],
      ['Australia/Lord_Howe', '2026-04-04T06:00:00Z'],
      ['America/St_Johns', '2010-11-06T20:00:00Z'],
      ['Pacific/Apia', '2011-12-29T20:00:00Z'],
      ['Asia/Kathmandu', '2026-01-01T00:00:00Z'],
    ),
    fc.integer({ min: 0, max: 600 }),
  ])(
    'its runs are the minutes that the clock on the wall shows for the first time',
    (schedule, [zone, start], late) => {
      const format = new Intl.DateTimeFormat('sv-SE', {
        timeZone: zone,
        dateStyle: 'short',
        timeStyle: 'short',
      });
      const after = Date.parse(start) + late * 60_000;
      const end = Date.parse(start) + 20 * 3_600_000;
      const seen = new Set<string>();
      const walked: string[] = [];
      for (let at = Date.parse(start) - 4 * 3_600_000; at < end; at += 60_000) {
        const wall = format.format(at);
        if (!seen.has(wall) && at > after && schedule.runs(minuteOf(new Date(`${wall.replace(' ', 'T')}Z`))))
          walked.push(new Date(at).toISOString());
        seen.add(wall);
      }
      const count = walked.length + 1;
      const runs = nextRuns(parseSchedule(schedule.text), zone, { after: new Date(after), count });
      expect(runs.filter((run) => run.getTime() < end).map((run) => run.toISOString())).toEqual(walked);
    },
  );
});
