import { describe, expect, it } from 'vitest';
import { oneName, parseDuration } from '#cli/arguments.ts';
import { parseOwner } from '#shared/model/owner.ts';

describe('the name of a volume', () => {
  it('may be an argument, a flag, or both when they agree', () => {
    expect(oneName('a', undefined)).toBe('a');
    expect(oneName(undefined, 'a')).toBe('a');
    expect(oneName('a', 'a')).toBe('a');
  });

  it('is refused when there are two, or none', () => {
    expect(() => oneName('a', 'b')).toThrow('Two names are given: "a" and "b".');
    expect(() => oneName(undefined, undefined)).toThrow('No name is given.');
    expect(() => oneName('', undefined)).toThrow('No name is given.');
  });
});

describe('durations', () => {
  it.each([
    ['90', 90_000],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['250ms', 250],
    ['0', 0],
  ])('%s', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds));

  it.each(['', 'soon', '-1', '1.5m', '5 minutes', '1d', '9999999999'])('refuses %j', (text) =>
    expect(() => parseDuration(text)).toThrow(`"${text}" is not a duration.`),
  );
});

describe('owners', () => {
  it('are uid:gid', () => expect(parseOwner('1000:1001')).toEqual({ uid: 1000, gid: 1001 }));
  it.each(['1000', 'root:root', '1:2:3', '-1:0'])('refuses %j', (text) =>
    expect(() => parseOwner(text)).toThrow(`"${text}" is not an owner.`),
  );
});
