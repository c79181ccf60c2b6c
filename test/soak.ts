import { spawnSync } from 'node:child_process';

/* `npm run soak [COUNT]`: the random schedules of the unit tests, 2,000 of them. */

const count = process.argv[2] ?? '2000';
const { status } = spawnSync('vitest', ['run', '--project', 'unit', 'test/unit/workers/schedules.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, SCHEDULES: count },
});
process.exitCode = status ?? 1;
