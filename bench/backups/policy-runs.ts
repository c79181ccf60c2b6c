import { runOver } from '#test/infra/support/policy-run.ts';
import { once, type Comparison } from '../measure.ts';
import type { Scale } from './scale.ts';

/** What a run of a policy costs for each volume: the deployed state machine, carried out over a table in memory. */
export async function policyRuns({ volumes: [few, many] }: Scale): Promise<Comparison[]> {
  const [small, large] = [await runOver(few), await runOver(many)];
  const [title, against] = [many, few].map((count) => `a run over ${count.toLocaleString('en')} volumes`);
  const row = (what: string, field: 'tableCalls' | 'transitions'): Comparison =>
    once(
      { what: `${what} for each volume, ${title}`, unit: 'per volume' },
      { against: against ?? '', ours: large[field] / many, theirs: small[field] / few },
    );
  return [row('calls of the table', 'tableCalls'), row('state transitions', 'transitions')];
}
