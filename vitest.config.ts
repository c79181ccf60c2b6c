import { defineConfig } from 'vitest/config';
import { ownMounts } from './test/support/own-mounts.ts';

const minutes = (n: number): number => n * 60_000;

const e2eFile = (name: string): string => `test/e2e/${name}.test.ts`;
/** What takes too long for every run: `npm run test:kills`. */
const long = ['file-crash-points'].map(e2eFile);
/** End-to-end files that ask for so much at once that they would hold up whatever else runs, or fail for it. */
const alone = [
  'backup-crash-points',
  'crash-points',
  'lifecycle',
  'sharing',
  'storage-faults',
  'this-host',
].map(e2eFile);
const given = process.env['HIVEMIND_E2E_HOME'];
const root = process.getuid?.() === 0;

/** One project per kind of test; test/README.md defines the kinds. */
const kinds = [
  { name: 'unit', timeout: minutes(0.5) },
  { name: 'infra', timeout: minutes(3) },
  // Both wait more than they work. Two clouds, each with one file at a time; a given cloud has one.
  { name: 'integration', timeout: minutes(3), workers: 2, pool: root ? ownMounts : ('forks' as const) },
  { name: 'e2e', timeout: minutes(10), workers: given ? 1 : 2, exclude: [...alone, ...long] },
  {
    name: 'e2e-alone',
    timeout: minutes(10),
    workers: 1,
    include: [...alone, ...(process.env['KILLS'] ? long : [])],
  },
];

const cloudPerWorker = {
  globalSetup: ['test/e2e/harness/global-setup.ts'],
  setupFiles: ['test/e2e/harness/worker-cloud.ts'],
};

export default defineConfig({
  test: {
    allowOnly: false,
    projects: kinds.map(({ name, timeout, workers, include, exclude, pool }, at) => ({
      extends: true as const,
      test: {
        name,
        include: include ?? [`test/${name}/**/*.test.ts`],
        ...(exclude && { exclude }),
        ...(name.startsWith('e2e') && cloudPerWorker),
        testTimeout: timeout,
        hookTimeout: timeout,
        ...(workers && { maxWorkers: workers }),
        ...(pool && { pool }),
        // One kind after the other, also where all are run at once.
        sequence: { groupOrder: at },
      },
    })),
  },
});
