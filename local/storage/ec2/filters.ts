import type { Filter } from '@aws-sdk/client-ec2';
import { AwsError } from '../errors.ts';
import type { Tag } from '../state/entities.ts';

/** What a filter's name reads from a record: the record passes when any of these matches any value given. */
export type FilterTable<T> = Readonly<Record<string, (record: T) => readonly string[]>>;

const mostValues = 200;

/** The records that pass every filter. @throws AwsError for a filter that the call does not have */
export function applyFilters<T>(
  table: FilterTable<T>,
  records: readonly T[],
  filters: readonly Filter[] | undefined,
): T[] {
  const tests = (filters ?? []).map((filter) => testOf(table, filter));
  return records.filter((record) => tests.every((passes) => passes(record)));
}

function testOf<T>(table: FilterTable<T>, { Name: name, Values: values }: Filter): (record: T) => boolean {
  if (name === undefined)
    throw new AwsError('MissingParameter', 'The request must contain the parameter Filter.Name');
  const read = readerOf(table, name);
  if (read === undefined) throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`);
  if (!values || values.length === 0)
    throw new AwsError('InvalidParameterValue', `The filter '${name}' has no values`);
  if (values.length > mostValues)
    throw new AwsError('FilterLimitExceeded', `The filter '${name}' has more than ${mostValues} values`);
  const patterns = values.map(wildcard);
  return (record) => read(record).some((text) => patterns.some((pattern) => pattern.test(text)));
}

function readerOf<T>(table: FilterTable<T>, name: string): ((record: T) => readonly string[]) | undefined {
  if (Object.hasOwn(table, name)) return table[name];
  const key = /^tag:(.+)$/s.exec(name)?.[1];
  const tags = table['tag'];
  if (key === undefined || tags === undefined) return undefined;
  // The `tag` row gives `key=value` texts; a key may hold "=", so the whole prefix is compared.
  return (record) =>
    tags(record).flatMap((pair) => (pair.startsWith(`${key}\0`) ? [pair.slice(key.length + 1)] : []));
}

/** `*` any text, `?` one character, `\` takes the next one literally. */
function wildcard(value: string): RegExp {
  const source = [...value.matchAll(/\\(.)|([*?])|([^])/gsu)].map(([, escaped, wild, plain]) =>
    wild === '*' ? '.*' : wild === '?' ? '.' : literal(escaped ?? plain ?? ''),
  );
  return new RegExp(`^${source.join('')}$`, 'su');
}

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);

/** The rows that every taggable resource has. */
export function tagFilters<T extends { readonly tags: readonly Tag[] }>(): FilterTable<T> {
  return {
    'tag-key': ({ tags }) => tags.map((tag) => tag.Key),
    tag: ({ tags }) => tags.map((tag) => `${tag.Key}\0${tag.Value}`),
  };
}
