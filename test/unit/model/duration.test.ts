import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { formatDuration, Objective, parseDuration } from '#shared/model/duration.ts';
import { parseInput } from '#shared/model/invalid-input.ts';

describe('durations', () => {
  it.each([
    ['26h', 93_600],
    ['2d', 172_800],
    ['90m', 5400],
    ['45s', 45],
    [' 1D ', 86_400],
  ])('%s is %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', '26', 'h', '0h', '-1h', '1.5h', '1h30m', '26 hours', '1e3h'])('%j is refused', (text) => {
    expect(() => parseDuration(text)).toThrow(/is not a duration/);
  });

  it.each([
    [93_600, '26h'],
    [172_800, '2d'],
    [5400, '90m'],
    [61, '61s'],
    [0, '0s'],
  ])('%d seconds are shown as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  test.prop([fc.integer({ min: 1, max: 1e9 - 1 })])('are read back as they are shown', (seconds) => {
    expect(parseDuration(formatDuration(seconds))).toBe(seconds);
  });
});

describe('an objective', () => {
  it('is a duration of 5 minutes to 3650 days', () => {
    for (const text of ['5m', '26h', '3650d']) expect(parseInput(Objective, text, 'body')).toBe(text);
    for (const text of ['299s', '3651d'])
      expect(() => parseInput(Objective, text, 'body')).toThrow(/5m to 3650d/);
    expect(() => parseInput(Objective, 'soon', 'body')).toThrow(/"90m", "26h", "2d"/);
  });
});
