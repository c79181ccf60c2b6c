import * as z from 'zod';
import { ProductError } from './errors.ts';

/** Each pair is an index item written in the volume's own transaction, which takes 100 items. */
export const maxLabels = 40;

const keyPattern = /^[a-zA-Z0-9]([a-zA-Z0-9_./-]{0,61}[a-zA-Z0-9])?$/;
const valuePattern = /^[a-zA-Z0-9_.:/@+ -]{0,128}$/;
const keyAllowed =
  '1 to 63 characters: letters, digits, "_", ".", "/" and "-", beginning and ending with a letter or digit';
const valueAllowed = 'up to 128 characters: letters, digits, space and _ . : / @ + -';

export const Labels = z
  .record(
    z.string().regex(keyPattern, { error: `label key: ${keyAllowed}` }),
    z.string().regex(valuePattern, { error: `label value: ${valueAllowed}` }),
  )
  .refine((labels) => Object.keys(labels).length <= maxLabels, { error: `at most ${maxLabels} labels` })
  .meta({ id: 'Labels', description: 'Labels of a volume', example: { app: 'db', env: 'prod' } });
export type Labels = z.infer<typeof Labels>;

/**
 * Parses "app=db,env=prod" (the CLI's and Docker's notation) to a record.
 * @throws ProductError InvalidInput for a pair without "=" or a key given twice.
 */
export function parsePairs(text: string, what: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const pair of text.split(',').filter((part) => part.trim() !== '')) {
    const at = pair.indexOf('=');
    const key = pair.slice(0, at).trim();
    if (at < 1 || key === '') throw refusePair(pair, what);
    if (Object.hasOwn(pairs, key))
      throw new ProductError('InvalidInput', `${what} "${key}" is given twice.`, { value: text });
    pairs[key] = pair.slice(at + 1).trim();
  }
  return pairs;
}

function refusePair(pair: string, what: string): ProductError {
  return new ProductError('InvalidInput', `"${pair}" is not a ${what}.`, {
    value: pair,
    allowed: 'key=value pairs separated by commas, such as "app=db,env=prod"',
  });
}

/** One condition of a label filter. */
export type LabelCondition =
  | { readonly kind: 'equals'; readonly key: string; readonly value: string }
  | { readonly kind: 'has' | 'lacks'; readonly key: string };

/**
 * Parses a filter: `key=value`, `key`, `!key`, separated by commas; all must hold.
 * @throws ProductError InvalidInput naming the condition.
 */
export function parseSelector(text: string): LabelCondition[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseCondition);
}

function parseCondition(text: string): LabelCondition {
  const at = text.indexOf('=');
  const lacks = at < 0 && text.startsWith('!');
  const key = at >= 0 ? text.slice(0, at).trim() : text.slice(lacks ? 1 : 0).trim();
  if (!keyPattern.test(key)) {
    throw new ProductError('InvalidInput', `"${text}" is not a label condition.`, {
      value: text,
      allowed: '"key=value", "key" or "!key", separated by commas',
    });
  }
  if (at >= 0) return { kind: 'equals', key, value: text.slice(at + 1).trim() };
  return { kind: lacks ? 'lacks' : 'has', key };
}

export function matchesLabels(labels: Labels, conditions: readonly LabelCondition[]): boolean {
  return conditions.every((condition) => {
    if (condition.kind === 'equals') return labels[condition.key] === condition.value;
    return Object.hasOwn(labels, condition.key) === (condition.kind === 'has');
  });
}
