import Table from 'cli-table3';
import { printable } from './printable.ts';

const noBorders = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((part) => [part, '']),
);

/** Columns as docker and kubectl print them: no borders, no colours, three spaces between. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const drawn = new Table({
    head: [...head],
    chars: { ...noBorders, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 1 },
  });
  for (const row of rows) drawn.push(row.map(printable));
  return trimmed(drawn.toString());
}

/** Keys and values below each other; empty values are left out. */
export function details(pairs: readonly (readonly [string, string | undefined])[]): string {
  const shown = pairs.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(...shown.map(([key]) => key.length)) + 1;
  return shown.map(([key, value = '']) => `${`${key}:`.padEnd(width)} ${printable(value)}`).join('\n');
}

function trimmed(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
