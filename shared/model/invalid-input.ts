import type * as z from 'zod';
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
  const issues = parsed.error.issues.flatMap((issue) => toIssues(issue, input)).slice(0, maxIssues);
  const [first] = issues;
  const at = first === undefined || first.path === '' ? `The ${where}` : `"${first.path}" in the ${where}`;
  throw new ProductError('InvalidInput', `${at} is not valid: ${first?.message ?? 'unknown'}.`, {
    ...(first?.value === undefined ? {} : { value: first.value }),
    ...(first?.allowed === undefined ? {} : { allowed: first.allowed }),
    issues,
  });
}

function toIssues(issue: z.core.$ZodIssue, input: unknown): ProblemIssue[] {
  const value = show(valueAt(input, issue.path));
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...issue.path.map(String), key].join('.'),
      message: 'not a known field',
    }));
  }
  const deeper = issue.code === 'invalid_key' || issue.code === 'invalid_union' ? nested(issue) : undefined;
  if (value === undefined) return [{ path, message: 'required' }];
  return [
    {
      path,
      message: deeper ?? issue.message,
      value,
      ...(issue.code === 'invalid_value' ? { allowed: issue.values.map(String).join(', ') } : {}),
    },
  ];
}

/** The message of a record's key, or of the union's branch that says most. */
function nested(issue: z.core.$ZodIssueInvalidKey | z.core.$ZodIssueInvalidUnion): string | undefined {
  if (issue.code === 'invalid_key') return issue.issues[0]?.message;
  return issue.errors.flat().find(({ code }) => code !== 'invalid_type')?.message;
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
