import type { Context } from '../context.ts';

interface ListOptions<T> {
  /** What stands for an item when only names are wanted. */
  readonly quiet: ((item: T) => string) | undefined;
  /** Heading to cell. */
  readonly columns: Readonly<Record<string, (item: T) => string>>;
}

/** Prints a listing: a bare JSON array, names one per line, or a table. Nothing found prints no names and `[]`. */
export async function printList<T>(
  { world, json }: Context,
  items: readonly T[],
  { quiet, columns }: ListOptions<T>,
): Promise<void> {
  const { terminal } = world;
  if (json) return terminal.out(JSON.stringify(items, null, 2));
  if (quiet !== undefined) return items.length === 0 ? undefined : terminal.out(items.map(quiet).join('\n'));
  const { table } = await import('./table.ts');
  const rows = items.map((item) => Object.values(columns).map((cell) => cell(item)));
  terminal.out(table(Object.keys(columns), rows));
}
