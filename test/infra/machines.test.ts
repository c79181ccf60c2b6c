import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { machinesOf } from '../../scripts/machines/definition.ts';
import { machinesPage } from '../../scripts/machines/page.ts';
import { checkout, synthesise } from './support/synth.ts';

it('docs/state-machines.md shows the machines as they are; if not: npm run machines', () => {
  const page = readFileSync(join(checkout, 'docs', 'state-machines.md'), 'utf8');
  expect(machinesPage(machinesOf(synthesise().controlPlane))).toBe(page);
});
