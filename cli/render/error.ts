import { ProductError, type Problem } from '#shared/model/errors.ts';
import { printableLines } from './printable.ts';

/** Any failure as ours: what is not ours already becomes Internal, its text without a stack. */
export function asProductError(error: unknown): ProductError {
  if (error instanceof ProductError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new ProductError('Internal', text === '' ? 'Something went wrong.' : text, { cause: error });
}

/** For people: what is wrong, the value, what is allowed, what to do. */
export function errorLines({ message, details }: ProductError): string {
  const { value, allowed, hint, issues = [] } = details;
  // The message of a single one says it all.
  const listed = issues.length === 1 && message.includes(issues[0]?.message ?? '') ? [] : issues;
  const lines = [
    `hivemind: ${message}`,
    ...listed.map(({ path, message: what, value: given }) =>
      line(
        '-',
        `${path === '' ? '' : `${path}: `}${what}${given === undefined ? '' : ` (got ${shown(given)})`}`,
      ),
    ),
    ...(value === undefined || message.includes(plain(value)) ? [] : [line('got:', shown(value))]),
    ...(allowed === undefined ? [] : [line('allowed:', allowed)]),
    ...(hint === undefined ? [] : [line('next:', hint)]),
  ];
  return printableLines(lines.join('\n'));
}

/** For programs: the RFC 9457 problem document, on one line. */
export function errorJson(error: ProductError): string {
  const problem: Problem = error.toProblem();
  return JSON.stringify(problem);
}

function line(label: string, text: string): string {
  return `  ${label} ${text}`;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
