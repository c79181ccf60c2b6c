import * as z from 'zod';
import { ProductError, type ProblemIssue } from './errors.ts';

/** Values longer than this are cut in a problem document. */
const maxShown = 200;
const maxIssues = 20;

/**
 * Parses with a schema at an edge: the one way in which a caller's values become ours.
 * @param where what is parsed, for people: "body", "query", "path"
 * @throws ProductError InvalidInput with one issue per wrong field: its path, what is allowed, and the value as it was written.
 */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown, where: string): z.output<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const found = parsed.error.issues.flatMap((issue) => toIssues(issue, { schema, input }));
  const ofFields = found.filter(({ path }) => path !== '');
  const issues = (ofFields.length > 0 ? ofFields : found).slice(0, maxIssues);
  const [first] = issues;
  const at = first === undefined || first.path === '' ? `The ${where}` : `"${first.path}" in the ${where}`;
  throw new ProductError('InvalidInput', `${at} is not valid: ${first?.message ?? 'unknown'}.`, {
    ...(first?.value === undefined ? {} : { value: first.value }),
    ...(first?.allowed === undefined ? {} : { allowed: first.allowed }),
    issues,
  });
}

interface Given {
  readonly schema: z.ZodType;
  readonly input: unknown;
}

function toIssues(issue: z.core.$ZodIssue, { schema, input }: Given): ProblemIssue[] {
  const value = show(valueAt(input, issue.path));
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path.length === 0 && schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    return issue.keys.map((key) => ({
      path: [...issue.path.map(String), key].join('.'),
      message: 'not a known field',
      ...(known.length === 0 ? {} : { allowed: known.join(', ') }),
    }));
  }
  if (value === undefined) return [{ path, message: 'required' }];
  return [{ path, value, ...explain(issue) }];
}

/** Own words, in place of the library's: wording that people read must not change with its version. */
function explain(issue: z.core.$ZodIssue): Pick<ProblemIssue, 'message' | 'allowed'> {
  switch (issue.code) {
    case 'invalid_type':
      return { message: `must be ${kinds[issue.expected] ?? issue.expected}` };
    case 'too_big':
      return { message: `must be at most ${String(issue.maximum)}${unitOf(issue.origin)}` };
    case 'too_small': {
      const least = issue.inclusive === false ? 'more than' : 'at least';
      return { message: `must be ${least} ${String(issue.minimum)}${unitOf(issue.origin)}` };
    }
    case 'invalid_value':
      return { message: 'must be one of those listed', allowed: issue.values.map(String).join(', ') };
    case 'invalid_format':
      return { message: issue.message, allowed: issue.message };
    case 'invalid_key':
      return { message: issue.issues[0]?.message ?? issue.message };
    case 'invalid_union':
      return explainUnion(issue);
    default:
      return { message: issue.message };
  }
}

/** The branch whose kind fits says what is wrong; where none fits, the kinds are listed. */
function explainUnion({ errors }: z.core.$ZodIssueInvalidUnion): Pick<ProblemIssue, 'message' | 'allowed'> {
  const branches = errors.flat();
  const meant = branches.find(({ code }) => code !== 'invalid_type');
  if (meant !== undefined) return explain(meant);
  const expected = branches.flatMap((issue) => (issue.code === 'invalid_type' ? issue.expected : []));
  return { message: `must be ${expected.map((kind) => kinds[kind] ?? kind).join(' or ')}` };
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined),
    input,
  );
}

function show(value: unknown): unknown {
  if (typeof value === 'string') return value.length > maxShown ? `${value.slice(0, maxShown)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  const text = JSON.stringify(value);
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : value;
}
