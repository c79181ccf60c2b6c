/** A line that enforces a contract: `CODE // guard: NAME` or `CODE // guard: NAME off: OTHER CODE`. */
const marked = /^(\s*)(.*?)\s*\/\/ guard: ([a-z0-9-]+)(?: off: (.*))?$/;

export class GuardError extends Error {
  override readonly name = 'GuardError';
}

/** The guard that a line is marked with. */
export function guardOf(line: string): string | undefined {
  return marked.exec(line)?.[3];
}

/**
 * The source with the lines of one guard switched off: replaced by what their mark says; else an `if (…)` whose condition never
 * holds; else nothing. Lines keep their numbers. Undefined when no line has the mark.
 */
export function switchOff(source: string, guard: string): string | undefined {
  let found = false;
  const lines = source.split('\n').map((line) => {
    const [, indent = '', code = '', name, off] = marked.exec(line) ?? [];
    if (name !== guard) return line;
    found = true;
    return `${indent}${off ?? neverHolds(code, line)}`;
  });
  return found ? lines.join('\n') : undefined;
}

function neverHolds(code: string, line: string): string {
  if (!code.startsWith('if (')) return '';
  let depth = 0;
  for (let at = 'if '.length; at < code.length; at++) {
    if (code[at] === '(') depth++;
    if (code[at] === ')' && --depth === 0) {
      return `if (false && ${code.slice('if '.length, at + 1)})${code.slice(at + 1)}`;
    }
  }
  throw new GuardError(`The condition does not end on its line; use "off:": ${line.trim()}`);
}
