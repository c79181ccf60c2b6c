import { expect, test } from 'vitest';
import { applyFilters, type FilterTable, tagFilters } from '#local/storage/ec2/filters.ts';
import type { Tag } from '#local/storage/state/entities.ts';

interface Thing {
  readonly name: string;
  readonly tags: readonly Tag[];
}

const table: FilterTable<Thing> = { ...tagFilters<Thing>(), name: ({ name }) => [name] };
const things: readonly Thing[] = [
  { name: 'alpha', tags: [{ Key: 'a=b', Value: 'c' }] },
  { name: 'a.pha*', tags: [{ Key: 'a', Value: 'b=c' }] },
  { name: 'beta', tags: [] },
];

const names = (...filters: { Name?: string; Values?: string[] }[]): string[] =>
  applyFilters(table, things, filters).map(({ name }) => name);

test.for<[string, string[], string[]]>([
  ['a star is any text', ['a*'], ['alpha', 'a.pha*']],
  ['a question mark is one character', ['?lpha'], ['alpha']],
  ['a dot is only a dot', ['a.pha*'], ['a.pha*']],
  ['an escaped star is a star', [String.raw`a.pha\*`], ['a.pha*']],
  ['values are alternatives', ['beta', 'alpha'], ['alpha', 'beta']],
  ['the whole text counts', ['et'], []],
])('%s', ([, values, expected]) => {
  expect(names({ Name: 'name', Values: values })).toEqual(expected);
});

test('a tag’s key ends where it ends, whatever it holds', () => {
  expect(names({ Name: 'tag:a', Values: ['b=c'] })).toEqual(['a.pha*']);
  expect(names({ Name: 'tag:a=b', Values: ['c'] })).toEqual(['alpha']);
  expect(names({ Name: 'tag-key', Values: ['a*'] })).toEqual(['alpha', 'a.pha*']);
});

test('filters add up', () => {
  expect(names({ Name: 'name', Values: ['a*'] }, { Name: 'tag-key', Values: ['a'] })).toEqual(['a.pha*']);
});

test.for<[string, { Name?: string; Values?: string[] }, string]>([
  ['an unknown name', { Name: 'colour', Values: ['red'] }, 'InvalidParameterValue'],
  ['an inherited name', { Name: 'constructor', Values: ['x'] }, 'InvalidParameterValue'],
  ['no name', { Values: ['x'] }, 'MissingParameter'],
  ['no values', { Name: 'name' }, 'InvalidParameterValue'],
  [
    'more than 200 values',
    { Name: 'name', Values: Array.from({ length: 201 }, String) },
    'FilterLimitExceeded',
  ],
])('%s is refused', ([, filter, code]) => {
  expect(() => names(filter)).toThrow(expect.objectContaining({ code }));
});
