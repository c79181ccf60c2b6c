import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import aslValidator from 'asl-validator';
import { describe, expect, it } from 'vitest';
import { allMachines } from '#test/support/machine-errors.ts';
import { machinesOf } from '../../scripts/machines/definition.ts';
import { machinesPage } from '../../scripts/machines/page.ts';
import { checkout, synthesise } from './support/synth.ts';

it('docs/state-machines.md shows the machines as they are; if not: npm run machines', () => {
  const page = readFileSync(join(checkout, 'docs', 'state-machines.md'), 'utf8');
  expect(machinesPage(machinesOf(synthesise().controlPlane))).toBe(page);
});

const machines = allMachines();

describe.each(machines)('$name', ({ definition }) => {
  it('is valid Amazon States Language', () => {
    expect(aslValidator(definition).errorsText('\n')).toBe('');
  });

  it('ends by its own time-out, and so does each of its tasks, which retries by name and catches all', () => {
    expect(definition.TimeoutSeconds).toBeGreaterThan(0);
    const tasks = Object.values(definition.States).filter(({ Type }) => Type === 'Task');
    for (const { TimeoutSeconds, Retry, Catch } of tasks) {
      expect(TimeoutSeconds).toBeGreaterThan(0);
      expect(Retry?.flatMap(({ ErrorEquals }) => ErrorEquals)).toContain('States.Timeout');
      expect(Catch?.at(-1)?.ErrorEquals).toEqual(['States.ALL']);
    }
  });
});
