import * as z from 'zod';
import { ProductError } from './errors.ts';

/** What a clock on the wall of a time zone shows. Month 1 to 12, hour 0 to 23. */
export interface WallClock {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const allowed = 'an IANA time zone such as "Europe/Berlin", or "UTC"';
/** The platform lists one name of each zone (Asia/Calcutta) and knows the others (Asia/Kolkata), in any case of letters. */
const listed = new Set(Intl.supportedValuesOf('timeZone'));
const named = /^[A-Z][A-Za-z]+(?:\/[A-Z][A-Za-z0-9_+-]*)+$/;

/**
 * Checks the name of a time zone. Offsets ("+01:00") and abbreviations ("CET") are refused: neither says when summer is.
 * @throws ProductError InvalidInput with the value, what is allowed, and the zone that was probably meant.
 */
export function parseTimezone(text: string): string {
  if (text === 'UTC' || listed.has(text) || (named.test(text) && clocks.isKnown(text))) return text;
  const wanted = text.trim().toLowerCase().replaceAll(' ', '_');
  const meant = [...listed].find((zone) => {
    const name = zone.toLowerCase();
    return name === wanted || (wanted !== '' && name.endsWith(`/${wanted}`));
  });
  const suggestion = wanted === 'utc' || wanted === 'gmt' || wanted === 'z' ? 'UTC' : meant;
  throw new ProductError('InvalidInput', `"${text}" is not a time zone.`, {
    value: text,
    allowed,
    ...(suggestion === undefined ? {} : { hint: `Did you mean "${suggestion}"?` }),
  });
}

export const Timezone = z
  .string()
  .max(64)
  .superRefine((text, context) => {
    try {
      parseTimezone(text);
    } catch {
      context.addIssue({ code: 'custom', message: `must be ${allowed}` });
    }
  })
  .meta({ id: 'Timezone', description: 'IANA time zone', example: 'Europe/Berlin' });

/** One formatter per zone: making one costs a thousand times what using it does. */
class Clocks {
  private readonly formats = new Map<string, Intl.DateTimeFormat>();

  of(timezone: string): Intl.DateTimeFormat {
    const known = this.formats.get(timezone);
    if (known !== undefined) return known;
    const made = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    this.formats.set(timezone, made);
    return made;
  }

  isKnown(timezone: string): boolean {
    try {
      return this.of(timezone) instanceof Intl.DateTimeFormat;
    } catch {
      return false;
    }
  }
}
const clocks = new Clocks();

/** What the clock of a zone shows at an instant (milliseconds since 1970). The zone is one that parseTimezone took. */
export function wallClockAt(instant: number, timezone: string): WallClock {
  const parts = new Map(
    clocks
      .of(timezone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  return {
    year: part('year'),
    month: part('month'),
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
    second: part('second'),
  };
}

const dayMs = 86_400_000;

/**
 * The first instant (milliseconds since 1970) at which the clock of a zone shows this; undefined where it never does,
 * because the clock is put forward over it.
 */
export function instantOf(wall: WallClock, timezone: string): number | undefined {
  const shown = asUtc(wall);
  // The zone's offset changes at most once within a day of any instant: one of these two is the one in force.
  const candidates = [shown - dayMs, shown + dayMs].map((near) => shown - offsetAt(near, timezone));
  return candidates
    .toSorted((a, b) => a - b)
    .find((instant) => asUtc(wallClockAt(instant, timezone)) === shown);
}

/** How far the clock of a zone is before UTC, in milliseconds. */
function offsetAt(instant: number, timezone: string): number {
  return asUtc(wallClockAt(instant, timezone)) - Math.floor(instant / 1000) * 1000;
}

function asUtc({ year, month, day, hour, minute, second }: WallClock): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
