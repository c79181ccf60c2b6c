import { expect, it } from 'vitest';
import { Schedule } from './support/schedule.ts';

/** `npm run soak` does 2,000; SEED repeats one. */
const count = Number(process.env['SCHEDULES'] ?? 200);
const first = Number(process.env['SEED'] ?? 1);

it(
  `loses, doubles and leaks nothing in ${count} random schedules`,
  async () => {
    const faults: Record<string, number> = {};
    for (let seed = first; seed < first + count; seed++) {
      const outcome = await new Schedule(seed).run();
      const story = process.env['SEED'] === undefined ? '' : outcome.log.join('\n');
      expect(outcome.broken, `seed ${seed}: SEED=${seed} SCHEDULES=1 repeats it\n${story}`).toEqual([]);
      for (const [kind, times] of Object.entries(outcome.faults)) faults[kind] = (faults[kind] ?? 0) + times;
    }
    const total = Object.values(faults).reduce((sum, times) => sum + times, 0);
    process.stdout.write(`${count} schedules, ${total} faults injected: ${JSON.stringify(faults)}\n`);
    expect(total).toBeGreaterThan(count);
  },
  count * 2_000,
);
