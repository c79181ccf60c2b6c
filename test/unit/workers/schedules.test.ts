import { expect, it } from 'vitest';
import { Schedule } from './support/schedule.ts';

/** `npm run soak` does 2,000; SEED repeats one. */
const count = Number(process.env['SCHEDULES'] ?? 200);
const first = Number(process.env['SEED'] ?? 1);

function add(sums: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [kind, times] of Object.entries(more)) sums[kind] = (sums[kind] ?? 0) + times;
}

it(
  `loses, doubles and leaks nothing in ${count} random schedules`,
  async () => {
    const faults: Record<string, number> = {};
    const done: Record<string, number> = {};
    for (let seed = first; seed < first + count; seed++) {
      const outcome = await new Schedule(seed).run();
      const story = process.env['SEED'] === undefined ? '' : outcome.log.join('\n');
      expect(outcome.broken, `seed ${seed}: SEED=${seed} SCHEDULES=1 repeats it\n${story}`).toEqual([]);
      add(faults, outcome.faults);
      add(done, outcome.done);
    }
    const total = Object.values(faults).reduce((sum, times) => sum + times, 0);
    process.stdout.write(`${count} schedules, ${total} faults injected: ${JSON.stringify(faults)}\n`);
    process.stdout.write(`what came of them: ${JSON.stringify(done)}\n`);
    expect(total).toBeGreaterThan(count);
    // A schedule that comes to nothing would break nothing either; a few alone need not come to everything.
    const missing = Object.keys(done).filter((what) => count >= 100 && done[what] === 0);
    expect(missing).toEqual([]);
  },
  count * 2_000,
);
