import { expect, test } from 'vitest';
import { parseTtl, tokens } from '#local/imds/tokens.ts';

test('a token lives as long as it was asked for', () => {
  let now = 0;
  const issued = tokens(() => now);
  const token = issued.issue(60);
  expect(issued.isValid(token)).toBe(true);
  now = 59_999;
  expect(issued.isValid(token)).toBe(true);
  now = 60_000;
  expect(issued.isValid(token)).toBe(false);
  expect(issued.isValid('invented')).toBe(false);
});

test.each([
  ['1', 1],
  ['21600', 21_600],
  ['0', undefined],
  ['21601', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['', undefined],
  [undefined, undefined],
  [['60', '60'], undefined],
])('the life %j is read as %s seconds', (header, ttl) => {
  expect(parseTtl(header)).toBe(ttl);
});
