import { existsSync, globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { guards } from '#shared/model/guards.ts';
import { guardOf, switchOff } from '#test/guards/marked-lines.ts';

const sources = globSync('{shared,functions,agent,cli}/**/*.ts');
const marked = new Set(
  sources.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line) => guardOf(line) ?? []),
  ),
);

describe('the table of guards', () => {
  it('has every guard that the source marks, and no other', () => {
    expect(Object.keys(guards).sort()).toEqual([...marked].sort());
  });

  it('names tests that exist', () => {
    const missing = Object.values(guards).filter(({ test }) => !existsSync(test));
    expect(missing).toEqual([]);
  });

  it('is told in docs/contracts.md', () => {
    const page = readFileSync('docs/contracts.md', 'utf8');
    expect(Object.keys(guards).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('a guard switched off', () => {
  it('is an if that never holds', () => {
    expect(switchOff('  if (a(b) || c) return d(e); // guard: x', 'x')).toBe(
      '  if (false && (a(b) || c)) return d(e);',
    );
  });

  it('is a line that is gone, or another one', () => {
    expect(switchOff('a\n  check(b), // guard: x\nc', 'x')).toBe('a\n  \nc');
    expect(switchOff('  return a && b; // guard: x off: return true;', 'x')).toBe('  return true;');
  });

  it('leaves other guards alone', () => {
    expect(switchOff('if (a) b(); // guard: y', 'x')).toBeUndefined();
  });
});
